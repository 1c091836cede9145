import { day, dayKey } from "./times.js";

const TOGETHER_MS = 5 * 60_000;

/**
 * @typedef {import("../client/types.js").Message} Message
 * @typedef {{kind: "day", key: string, label: string} | {kind: "new", key: string}
 *   | {kind: "message", key: string, message: Message, grouped: boolean, quoted: Message | null}} Row
 */

/**
 * The messages with what stands between them: a line for each day, and one before what is new.
 * `grouped` messages follow another of the same author closely and need no name of their own.
 *
 * @param {Message[]} messages
 * @param {string} me
 * @param {{lastRead: number, newest: number} | null} unread what was read, and what there was, when the room was opened
 * @returns {Row[]}
 */
export function rowsOf(messages, me, unread) {
  /** @type {Row[]} */
  const rows = [];
  const byId = new Map(messages.map((message) => [message.id, message]));
  const firstNew = unread && messages.find((each) => each.seq > unread.lastRead && each.userId !== me);
  /** @type {Message | null} */
  let before = null;
  for (const message of messages) {
    if (!before || dayKey(before.createdAt) !== dayKey(message.createdAt)) {
      rows.push({ kind: "day", key: `day ${dayKey(message.createdAt)}`, label: day(message.createdAt) });
      before = null;
    }
    if (unread && message === firstNew && message.seq <= unread.newest) {
      rows.push({ kind: "new", key: "new" });
      before = null;
    }
    const quoted = message.replyToId ? (byId.get(message.replyToId) ?? null) : null;
    rows.push({ kind: "message", key: rowKey(message, me), message, grouped: follows(before, message), quoted });
    before = message;
  }
  return rows;
}

/** One's own message keeps the key that it had while it was pending, and so its place in the document. */
const rowKey = (message, me) =>
  message.userId === me && message.clientId ? message.clientId : message.id;

/**
 * @param {{userId: string, createdAt: string} | null | undefined} before
 * @param {{userId: string, createdAt: string, replyToId: string | null}} message
 * @returns {boolean} whether it follows another of the same author closely
 */
export function follows(before, message) {
  if (!before || before.userId !== message.userId || message.replyToId) return false;
  if (dayKey(before.createdAt) !== dayKey(message.createdAt)) return false;
  return new Date(message.createdAt).getTime() - new Date(before.createdAt).getTime() < TOGETHER_MS;
}

/**
 * @param {Message[]} messages
 * @param {import("../client/types.js").Member[]} members
 * @param {string} me
 * @returns {string | null} id of one's newest message that everyone else has read
 */
export function seenUpTo(messages, members, me) {
  const others = members.filter(({ userId }) => userId !== me);
  if (others.length === 0) return null;
  const read = Math.min(...others.map(({ lastReadSeq }) => lastReadSeq));
  return messages.findLast(({ userId, seq }) => userId === me && seq <= read)?.id ?? null;
}
