import { formatAgo } from "../client/index.js";
import { usePage } from "./context.js";
import { Icon, IconButton } from "./icons.js";
import { destination, LEVEL_ICONS, open, TYPES } from "./notification-looks.js";
import { useNow } from "./now.js";
import { full } from "./times.js";
import { html, memo } from "./view.js";

/** One notification: pressing it goes where it leads and counts it as read. */
export const NotificationItem = memo(
  /** @param {{notification: import("../client/types.js").Notification}} props */
  ({ notification }) => {
    const page = usePage();
    const { id, title, message, type, level, isRead, count, createdAt } = notification;
    const { notifications } = page.hubbub;
    const told = (work) => void work.catch(page.toasts.fail);
    const place = destination(notification);
    // What an app's level says is worth a colour; of the usual ones the type's own picture tells more.
    const icon = level === "info" ? (TYPES[type]?.icon ?? "info") : LEVEL_ICONS[level];
    return html`
      <li class="notification level-${level} ${isRead ? "" : "unread"}" data-notification=${id} data-level=${level}>
        <button type="button" class="notification-main" onClick=${() => open(notification, page)}>
          <span class="notification-icon"><${Icon} name=${icon} size=${18} /></span>
          <span class="notification-lines">
            <strong>${!isRead && html`<span class="hidden">Unread: </span>`}${title}</strong>
            <span class="notification-text">${message}</span>
            <span class="notification-foot">
              <${Ago} at=${createdAt} />
              ${count > 1 && html`<span class="tag" title=${`${count} notifications in one`}>×${count}</span>`}
              ${place?.outside && html`<${Icon} name="outside" size=${14} />`}
            </span>
          </span>
        </button>
        <span class="notification-actions">
          <${IconButton} name=${isRead ? "unread" : "check"} size=${16} label=${isRead ? "Mark as unread" : "Mark as read"}
            onClick=${() => told(notifications.read([id], !isRead))} />
          <${IconButton} name="close" size=${16} label="Delete" onClick=${() => told(notifications.delete([id]))} />
        </span>
      </li>
    `;
  },
);

/** @param {{at: string}} props */
const Ago = ({ at }) => html`<time datetime=${at} title=${full(at)}>${formatAgo(at, useNow())}</time>`;
