import { request } from "./rest.js";

/** @type {Record<string, (payload: any) => string>} */
const PATHS = {
  "story:list": () => "/api/stories",
  "story:get": ({ storyId }) => `/api/stories/${encodeURIComponent(storyId)}`,
  "post:list": ({ storyId }) => `/api/stories/${encodeURIComponent(storyId)}/posts`,
};

/**
 * Call an action that reads stories or posts: over the connection, and while there is none over REST.
 *
 * @param {Pick<import("./hubbub.js").Surroundings, "connection" | "session" | "url">} hubbub
 * @param {keyof typeof PATHS} action
 * @param {any} payload
 * @returns {Promise<any>}
 */
export function read({ connection, session, url }, action, payload) {
  if (connection.live) return connection.call(action, payload);
  const given = Object.entries(payload).filter(([name, value]) => name !== "storyId" && value !== undefined);
  const query = new URLSearchParams(given.map(([name, value]) => [name, String(value)]));
  return request("GET", `${PATHS[action](payload)}?${query}`, { url, token: session.token });
}
