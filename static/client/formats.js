const MINUTE = 60;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const SHORT = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short" });
const WITH_YEAR = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short", year: "numeric" });

/**
 * How long ago, as short as a list needs it: "just now", "2m ago", "1h ago", "3d ago", "3 Mar", "3 Mar 2024".
 *
 * @param {string} at
 * @param {number} [now] milliseconds since 1970
 * @returns {string}
 */
export function formatAgo(at, now = Date.now()) {
  const date = new Date(at);
  const seconds = (now - date.getTime()) / 1000;
  // Clocks differ a little: what comes from the near future is from now.
  if (seconds < MINUTE) return "just now";
  if (seconds < HOUR) return `${Math.floor(seconds / MINUTE)}m ago`;
  if (seconds < DAY) return `${Math.floor(seconds / HOUR)}h ago`;
  if (seconds < 7 * DAY) return `${Math.floor(seconds / DAY)}d ago`;
  return (date.getFullYear() === new Date(now).getFullYear() ? SHORT : WITH_YEAR).format(date);
}

/**
 * "Online", "Away", "Last seen 1h ago", "Offline" (for somebody who was never there); empty when it is not known.
 *
 * @param {{status: string | null, lastSeenAt: string | null}} presence
 * @param {number} [now] milliseconds since 1970
 * @returns {string}
 */
export function formatPresence({ status, lastSeenAt }, now = Date.now()) {
  if (status === null) return "";
  if (status === "online") return "Online";
  if (status === "away") return "Away";
  return lastSeenAt ? `Last seen ${formatAgo(lastSeenAt, now)}` : "Offline";
}

/**
 * "3 people viewing this trip"; empty when nobody looks.
 *
 * @param {number} count
 * @param {string} [what] they look at
 * @returns {string}
 */
export function formatViewers(count, what = "") {
  if (count === 0) return "";
  const people = count === 1 ? "1 person" : `${count.toLocaleString("en")} people`;
  return what ? `${people} viewing this ${what}` : `${people} viewing`;
}
