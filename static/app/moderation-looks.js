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
 * @returns {string | null}
 */
export function addressOf({ entityType, entityId, subject }) {
  const storyId = subject?.storyId ?? (entityType === "story" ? entityId : null);
  if (storyId) return `#/stories/${encodeURIComponent(storyId)}`;
  return entityType === "trip" ? `#/trips/${encodeURIComponent(entityId)}` : null;
}
