import { currentSession } from "../client/index.js";

const KEY = "hubbub.token";

/**
 * Who used this tab before, or else this browser last. Each tab keeps a token of its own, so that two
 * tabs can be two people.
 *
 * @returns {Promise<import("../client/session.js").Session | null>}
 */
export async function recallSession() {
  const token = sessionStorage.getItem(KEY) ?? localStorage.getItem(KEY);
  if (!token) return null;
  try {
    const session = await currentSession({ token });
    sessionStorage.setItem(KEY, token);
    return session;
  } catch (error) {
    if (error.retryable) throw error;
    forgetSession();
    return null;
  }
}

/** @param {import("../client/session.js").Session} session */
export function rememberSession({ token }) {
  sessionStorage.setItem(KEY, token ?? "");
  localStorage.setItem(KEY, token ?? "");
}

export function forgetSession() {
  sessionStorage.removeItem(KEY);
  localStorage.removeItem(KEY);
}
