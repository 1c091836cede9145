import { destination, open } from "./notification-looks.js";

/**
 * Show notifications as toasts as they come: not in quiet hours, and not what stands before the reader's eyes anyway.
 *
 * @param {import("./context.js").Page} page
 */
export function announce(page) {
  const { hubbub, ui, toasts } = page;
  hubbub.notifications.onCreated(({ notification, quiet }) => {
    const place = destination(notification);
    const watching = document.visibilityState === "visible" && document.hasFocus();
    const { roomId, inbox } = ui.getSnapshot();
    const seen = inbox || (place && "roomId" in place && place.roomId === roomId);
    if (quiet || (watching && seen)) return;
    const { title, message, level } = notification;
    const action = place && { label: "roomId" in place ? "Open" : "View", act: () => open(notification, page) };
    toasts.show({ level, title, text: message, action });
  });
}
