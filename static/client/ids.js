/**
 * A new `clientId`: 128 random bits in hexadecimal. (`crypto.randomUUID` is missing on pages that a
 * phone opens over plain HTTP in a local network; `getRandomValues` is not.)
 *
 * @returns {string}
 */
export function newId() {
  return hex(globalThis.crypto.getRandomValues(new Uint8Array(16)));
}

let last = 0;

/**
 * A new id that sorts by its creation, as the server's do: a UUID of version 7 (RFC 9562, section 5.7). Of one page
 * each is greater than the one before.
 *
 * @returns {string}
 */
export function newSortableId() {
  const now = Date.now() * 4096;
  // The 12 bits behind the millisecond count on within it (RFC 9562, section 6.2, method 1).
  last = now > last ? now : last + 1;
  const time = Math.floor(last / 4096).toString(16).padStart(12, "0");
  const count = (last % 4096).toString(16).padStart(3, "0");
  const bytes = globalThis.crypto.getRandomValues(new Uint8Array(8));
  bytes[0] = (bytes[0] & 0x3f) | 0x80;
  const tail = hex(bytes);
  return `${time.slice(0, 8)}-${time.slice(8)}-7${count}-${tail.slice(0, 4)}-${tail.slice(4)}`;
}

/** @param {Uint8Array} bytes */
const hex = (bytes) => Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
