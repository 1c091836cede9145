/** Points in time as people say them, in the browser's own time zone. */

const CLOCK = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit" });
const WEEKDAY = new Intl.DateTimeFormat("en-GB", { weekday: "long" });
const DATE = new Intl.DateTimeFormat("en-GB", { weekday: "long", day: "numeric", month: "long" });
const YEAR = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "long", year: "numeric" });
const SHORT = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short" });
const FULL = new Intl.DateTimeFormat("en-GB", { dateStyle: "full", timeStyle: "medium" });

const DAY_MS = 86_400_000;

/** @param {string} at */
export const clock = (at) => CLOCK.format(new Date(at));

/** @param {string} at */
export const full = (at) => FULL.format(new Date(at));

/** @param {string} at a string that is the same for all times of one day */
export const dayKey = (at) => new Date(at).toDateString();

/** @param {Date} date */
function daysAgo(date) {
  const midnight = (at) => new Date(at.getFullYear(), at.getMonth(), at.getDate()).getTime();
  return Math.round((midnight(new Date()) - midnight(date)) / DAY_MS);
}

/**
 * "Today", "Yesterday", "Monday, 3 March", "3 March 2024".
 *
 * @param {string} at
 */
export function day(at) {
  const date = new Date(at);
  const ago = daysAgo(date);
  if (ago === 0) return "Today";
  if (ago === 1) return "Yesterday";
  return (date.getFullYear() === new Date().getFullYear() ? DATE : YEAR).format(date);
}

/**
 * As short as a list of rooms needs it: "14:03", "Monday", "3 Mar".
 *
 * @param {string} at
 */
export function brief(at) {
  const date = new Date(at);
  const ago = daysAgo(date);
  if (ago === 0) return CLOCK.format(date);
  return ago < 7 ? WEEKDAY.format(date) : SHORT.format(date);
}
