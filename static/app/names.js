/**
 * How people and rooms are called on the screen.
 *
 * @typedef {import("../client/types.js").User} User
 */

/** @param {string} name */
export function initials(name) {
  const words = name.trim().split(/\s+/u);
  const letters = words.length > 1 ? [words[0], words[words.length - 1]] : words;
  return letters.map((word) => [...word][0] ?? "").join("").toLocaleUpperCase();
}

/** One of eight hues, the same for a person everywhere. */
export function hue(id) {
  let sum = 0;
  for (const letter of id) sum = (sum * 31 + (letter.codePointAt(0) ?? 0)) % 4096;
  return sum % 8;
}

/**
 * @param {import("../client/types.js").RoomSummary} summary
 * @param {User} me
 * @returns {string} a room's name; a direct room is called after the others in it
 */
export function roomTitle({ room, users }, me) {
  if (room.name !== null) return room.name;
  const others = users.filter((user) => user.id !== me.id);
  return others.length > 0 ? list(others.map(({ name }) => name)) : "Direct room";
}

/** @param {string[]} names */
export const list = (names) => new Intl.ListFormat("en", { type: "conjunction" }).format(names);

/**
 * @param {number} count
 * @param {string} one
 * @param {string} [many]
 */
export const counted = (count, one, many = `${one}s`) => `${count.toLocaleString("en")} ${count === 1 ? one : many}`;
