/**
 * @typedef {import("./types.js").Reaction} Reaction
 */

/**
 * @param {Reaction[]} reactions
 * @param {string} emoji
 * @param {string} userId
 * @returns {boolean} whether this person is among the first of those who reacted so
 */
export function hasReacted(reactions, emoji, userId) {
  return reactions.some((reaction) => reaction.emoji === emoji && reaction.userIds.includes(userId));
}

/**
 * The reactions as they will be once a person's reaction is given or taken back.
 *
 * @param {Reaction[]} reactions
 * @param {string} emoji
 * @param {string} userId
 * @param {boolean} wanted
 * @returns {Reaction[]}
 */
export function withReaction(reactions, emoji, userId, wanted) {
  if (hasReacted(reactions, emoji, userId) === wanted) return reactions;
  const known = reactions.find((reaction) => reaction.emoji === emoji) ?? { emoji, count: 0, userIds: [] };
  const changed = {
    emoji,
    count: known.count + (wanted ? 1 : -1),
    userIds: wanted ? [...known.userIds, userId] : known.userIds.filter((id) => id !== userId),
  };
  if (known.count === 0) return [...reactions, changed];
  return reactions.map((each) => (each === known ? changed : each)).filter((each) => each.count > 0);
}
