/**
 * A new `clientId`: 128 random bits in hexadecimal. (`crypto.randomUUID` is missing on pages that a
 * phone opens over plain HTTP in a local network; `getRandomValues` is not.)
 *
 * @returns {string}
 */
export function newId() {
  const bytes = globalThis.crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
