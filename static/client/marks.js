/**
 * The kinds of marks that people set on an entity.
 *
 * @typedef {{mine: boolean, count: number}} Toggled
 * @typedef {{mine: number | null, averageRating: number, ratingCount: number}} Rated
 */

/** @type {import("./mark.js").Kind<Toggled>} */
export const LIKES = {
  topic: "likes",
  nothing: { mine: false, count: 0 },
  get: "like:get",
  set: "like:set",
  event: "like:changed",
  payload: (liked) => ({ liked }),
  stored: ({ liked, count }) => ({ mine: liked, count }),
  // Of a like the event tells whose it is: one's own in another tab shows here as well.
  told: ({ count, action, userId }, { mine }, me) => ({ mine: userId === me ? action === "like" : mine, count }),
  expected: (stored, mine) => ({ mine, count: counted(stored, mine) }),
};

/** @type {import("./mark.js").Kind<Toggled>} */
export const SAVES = {
  topic: "saves",
  nothing: { mine: false, count: 0 },
  get: "save:get",
  set: "save:set",
  event: "save:changed",
  payload: (saved) => ({ saved }),
  stored: ({ saved, count }) => ({ mine: saved, count }),
  told: ({ count }, { mine }) => ({ mine, count }),
  expected: (stored, mine) => ({ mine, count: counted(stored, mine) }),
};

/** @type {import("./mark.js").Kind<Rated>} */
export const RATING = {
  topic: "rating",
  nothing: { mine: null, averageRating: 0, ratingCount: 0 },
  get: "rating:get",
  set: "rating:set",
  event: "rating:changed",
  payload: (value) => ({ value }),
  stored: ({ averageRating, ratingCount, mine }) => ({ averageRating, ratingCount, mine }),
  told: ({ averageRating, ratingCount }, { mine }) => ({ averageRating, ratingCount, mine }),
  expected: (stored, mine) => {
    const sum = stored.averageRating * stored.ratingCount - (stored.mine ?? 0) + mine;
    const ratingCount = stored.ratingCount + (stored.mine === null ? 1 : 0);
    return { mine, ratingCount, averageRating: Math.round((sum / ratingCount) * 100) / 100 };
  },
};

/**
 * @param {Toggled} stored
 * @param {boolean} mine
 */
const counted = ({ mine: before, count }, mine) => Math.max(0, count + Number(mine) - Number(before));
