import { request } from "./rest.js";

/**
 * Who uses this client. Without a token the browser's session cookie speaks for them.
 *
 * @typedef {object} Session
 * @property {import("./types.js").User} user
 * @property {string} role `user`, `moderator` or `admin`
 * @property {string | null} token
 * @property {() => Promise<string>} [refresh] gives a new token of the same user shortly before this one ends
 */

/**
 * Sign in as a guest; only servers in demo mode offer it.
 *
 * @param {string} name
 * @param {{url?: string}} [options]
 * @returns {Promise<Session>}
 */
export async function guestSession(name, { url = "" } = {}) {
  const { token } = await request("POST", "/api/session", { url, body: { name } });
  return tokenSession(token, { url });
}

/**
 * The session of a token that the app's own backend has issued.
 *
 * @param {string} token
 * @param {{url?: string, refresh?: () => Promise<string>}} [options]
 * @returns {Promise<Session>}
 */
export async function tokenSession(token, { url = "", refresh } = {}) {
  const { user, role } = await request("GET", "/api/me", { url, token });
  return { user, role, token, refresh };
}

/**
 * The session of the browser's cookie. Throws `unauthenticated` when there is none.
 *
 * @param {{url?: string}} [options]
 * @returns {Promise<Session>}
 */
export async function cookieSession({ url = "" } = {}) {
  const { user, role } = await request("GET", "/api/me", { url });
  return { user, role, token: null };
}
