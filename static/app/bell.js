import { usePage } from "./context.js";
import { Icon } from "./icons.js";
import { counted } from "./names.js";
import { html, useStore } from "./view.js";

/**
 * Opens the notifications, and tells how many are unread.
 *
 * @param {{class?: string}} props
 */
export function Bell({ class: more = "" }) {
  const { hubbub, ui } = usePage();
  const { unreadCount } = useStore(hubbub.notifications);
  const { inbox } = useStore(ui);
  const label = unreadCount > 0 ? `Notifications, ${counted(unreadCount, "unread", "unread")}` : "Notifications";
  return html`
    <button
      type="button"
      class="icon-button bell ${more}"
      aria-label=${label}
      title=${label}
      aria-haspopup="dialog"
      aria-expanded=${inbox ? "true" : "false"}
      onClick=${(event) => ui.toggleInbox(event.currentTarget)}
    >
      <span key=${unreadCount} class=${unreadCount > 0 ? "bell-rings" : ""}><${Icon} name="bell" /></span>
      ${unreadCount > 0 && html`<span class="bell-badge" aria-hidden="true">${unreadCount > 99 ? "99+" : unreadCount}</span>`}
    </button>
  `;
}
