import { HubbubError } from "./errors.js";

/**
 * One REST request, answered as an action is: with its data, or a thrown `HubbubError`.
 *
 * @param {string} method
 * @param {string} path such as `/api/me`
 * @param {{url?: string, token?: string | null, body?: object}} [options] `url`: origin of the server, "" for the page's own
 * @returns {Promise<any>}
 */
export async function request(method, path, { url = "", token = null, body } = {}) {
  /** @type {Record<string, string>} */
  const headers = {};
  if (body) headers["Content-Type"] = "application/json";
  if (token) headers.Authorization = `Bearer ${token}`;
  let reply;
  try {
    const response = await fetch(url + path, { method, headers, body: body && JSON.stringify(body) });
    reply = await response.json();
  } catch (cause) {
    throw new HubbubError({ code: "unavailable", message: "The server cannot be reached." }, { cause });
  }
  if (!reply.ok) throw new HubbubError(reply.error);
  return reply.data;
}
