import { tripOf } from "./trips.js";

/**
 * How what waits for moderators is named.
 *
 * @typedef {import("../client/types.js").ModerationItem} ModerationItem
 */

export const KINDS = {
  comment: { label: "Comment", many: "Comments", icon: "speech" },
  image: { label: "Picture", many: "Pictures", icon: "camera" },
  story: { label: "Story", many: "Stories", icon: "book" },
  post: { label: "Post", many: "Posts", icon: "speech" },
};

export const STATUSES = { pending: "Waiting", approved: "Approved", rejected: "Rejected", withdrawn: "Withdrawn" };

/** @param {ModerationItem} item */
export function causeOf({ cause, flagCount }) {
  if (cause === "upload") return "New upload";
  if (cause === "word") return flagCount > 0 ? `Blocked words, reported ${times(flagCount)}` : "Blocked words";
  return `Reported ${times(flagCount)}`;
}

/** @param {number} count */
const times = (count) => (count === 1 ? "once" : `${count} times`);

/**
 * Where the page shows the thing, or what it belongs to.
 *
 * @param {ModerationItem} item
 * @returns {{address: string, name: string} | null}
 */
export function placeOf({ kind, entityType, entityId, subject }) {
  const storyId = subject?.storyId ?? (entityType === "story" ? entityId : null);
  if (storyId) return { address: `#/stories/${encodeURIComponent(storyId)}`, name: kind === "story" ? "this story" : "a story" };
  if (entityType !== "trip") return null;
  return { address: `#/trips/${encodeURIComponent(entityId)}`, name: tripOf(entityId)?.title ?? "a trip" };
}
