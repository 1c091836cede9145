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
 * @param {{url?: string, role?: "user" | "moderator"}} [options]
 * @returns {Promise<Session>}
 */
export async function guestSession(name, { url = "", role } = {}) {
  const { token } = await request("POST", "/api/session", { url, body: { name, role } });
  return currentSession({ url, token });
}

/**
 * The session of a token that the app's own backend has issued, or, without one, of the browser's
 * session cookie. Throws `unauthenticated` when neither is accepted.
 *
 * @param {{url?: string, token?: string | null, refresh?: () => Promise<string>}} [options]
 * @returns {Promise<Session>}
 */
export async function currentSession({ url = "", token = null, refresh } = {}) {
  const { user, role } = await request("GET", "/api/me", { url, token });
  return { user, role, token, refresh };
}

/**
 * Take the guest's session cookie out of the browser again.
 *
 * @param {{url?: string}} [options]
 */
export async function endGuestSession({ url = "" } = {}) {
  await request("DELETE", "/api/session", { url });
}
