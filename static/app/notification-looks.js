/**
 * How notifications are named, drawn and opened.
 *
 * @typedef {import("../client/types.js").Notification} Notification
 */

/** @type {Record<import("../client/types.js").NotificationType, {label: string, icon: string}>} */
export const TYPES = {
  MESSAGE: { label: "Messages", icon: "speech" },
  BOOKING: { label: "Bookings", icon: "ticket" },
  TOUR: { label: "Tours", icon: "compass" },
  PAYMENT: { label: "Payments", icon: "card" },
  PROMOTION: { label: "Promotions", icon: "tag" },
  SYSTEM: { label: "System", icon: "settings" },
};

export const LEVEL_ICONS = { info: "info", success: "check", warning: "warning", error: "error" };

/**
 * Where a notification leads: to a room's message, to what it is about, or to an address that a browser may open.
 *
 * @param {Notification} notification
 * @returns {{roomId: string, seq: number | null} | {href: string, outside: boolean} | null}
 */
export function destination({ data, link }) {
  if (typeof data?.roomId === "string") return { roomId: data.roomId, seq: data.seq ?? null };
  const address = link ?? pageOf(data);
  if (!address || !URL.canParse(address, location.href)) return null;
  const url = new URL(address, location.href);
  if (!["http:", "https:"].includes(url.protocol)) return null;
  return { href: url.href, outside: url.origin !== location.origin || url.pathname !== location.pathname };
}

const PAGES = { trip: "trips", story: "stories" };

/** @param {any} data what moderators decided about names the trip or story that it belongs to, and no link */
function pageOf(data) {
  const page = PAGES[data?.entityType];
  return page ? `#/${page}/${encodeURIComponent(data.entityId)}` : null;
}

/**
 * Go where a notification leads, and count it as read.
 *
 * @param {Notification} notification
 * @param {import("./context.js").Page} page
 */
export function open(notification, { hubbub, ui, toasts }) {
  // Deleted elsewhere meanwhile, or pushed only: it leads where it leads all the same.
  const told = (error) => error.code === "not_found" || toasts.fail(error);
  if (!notification.isRead) hubbub.notifications.read([notification.id]).catch(told);
  const place = destination(notification);
  if (!place) return;
  ui.closeInbox();
  if ("roomId" in place) ui.show(place.roomId, place.seq);
  else if (place.outside) window.open(place.href, "_blank", "noopener");
  else location.href = place.href;
}
