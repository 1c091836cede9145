import { usePage } from "./context.js";
import { Icon, IconButton } from "./icons.js";
import { TYPES } from "./notification-looks.js";
import { NotificationItem } from "./notification-item.js";
import { html, useLayoutEffect, useRef, useStore } from "./view.js";

/**
 * The notifications, beside the bell that opened them. The browser closes them on Escape and on a
 * click elsewhere, and gives the focus back to the bell.
 */
export function Inbox() {
  const { ui } = usePage();
  const { inbox } = useStore(ui);
  const ref = useRef(null);

  useLayoutEffect(() => {
    const element = ref.current;
    const shown = element.matches(":popover-open");
    if (!inbox) {
      if (shown) element.hidePopover();
      return;
    }
    if (shown) return;
    const { left, bottom } = inbox.getBoundingClientRect();
    element.style.setProperty("--inbox-left", `${Math.max(0, left)}px`);
    element.style.setProperty("--inbox-top", `${bottom}px`);
    element.showPopover({ source: inbox });
    element.focus();
  }, [inbox]);

  const toggled = (event) => {
    if (event.target === ref.current && event.newState === "closed") ui.closeInbox();
  };
  return html`
    <div class="inbox" popover="auto" role="dialog" aria-label="Notifications" tabindex="-1" ref=${ref} onToggle=${toggled}>
      ${inbox && html`<${Content} />`}
    </div>
  `;
}

function Content() {
  const { hubbub, ui, toasts } = usePage();
  const { notifications, unreadCount, hasMore, loadingMore, filter, status } = useStore(hubbub.notifications);
  const told = (work) => void work.catch(toasts.fail);
  const filtered = filter.unread || filter.type !== null;
  const deleteAll = () => {
    ui.closeInbox();
    ui.openDialog({
      kind: "confirm",
      title: "Delete all notifications?",
      text: "Those that the filters hide are deleted as well. They cannot be brought back.",
      action: "Delete all",
      act: () => hubbub.notifications.deleteAll(),
    });
  };
  const settings = () => {
    ui.closeInbox();
    ui.openDialog({ kind: "notifications" });
  };

  return html`
    <header class="inbox-head">
      <h2>Notifications</h2>
      <${IconButton} name="checks" label="Mark all as read" disabled=${unreadCount === 0}
        onClick=${() => told(hubbub.notifications.readAll())} />
      <${IconButton} name="trash" label="Delete all" disabled=${notifications.length === 0 && !filtered} onClick=${deleteAll} />
      <${IconButton} name="settings" label="Notification settings" onClick=${settings} />
      <${IconButton} name="close" label="Close notifications" class="narrow-only" onClick=${() => ui.closeInbox()} />
    </header>
    <div class="inbox-filters">
      <div class="segments" role="group" aria-label="Which notifications">
        ${[false, true].map(
          (unread) => html`
            <button
              key=${unread}
              type="button"
              aria-pressed=${filter.unread === unread ? "true" : "false"}
              onClick=${() => told(hubbub.notifications.show({ unread }))}
            >
              ${unread ? "Unread" : "All"}
            </button>
          `,
        )}
      </div>
      <select
        aria-label="Type"
        value=${filter.type ?? ""}
        onChange=${(event) => told(hubbub.notifications.show({ type: event.target.value || null }))}
      >
        <option value="">All types</option>
        ${Object.entries(TYPES).map(([type, { label }]) => html`<option key=${type} value=${type}>${label}</option>`)}
      </select>
    </div>
    <div class="inbox-list" aria-busy=${status === "loading" ? "true" : "false"}>
      ${status === "loading" &&
      notifications.length === 0 &&
      [0, 1, 2].map((key) => html`<div key=${`skeleton ${key}`} class="skeleton notification-skeleton"></div>`)}
      ${status === "ready" && notifications.length === 0 && html`<${Nothing} filtered=${filtered} />`}
      <ul>
        ${notifications.map((each) => html`<${NotificationItem} key=${each.id} notification=${each} />`)}
      </ul>
      ${hasMore &&
      html`<button class="button small wide" disabled=${loadingMore} onClick=${() => told(hubbub.notifications.loadMore())}>
        ${loadingMore ? "Loading…" : "Show more"}
      </button>`}
    </div>
  `;
}

/** @param {{filtered: boolean}} props */
const Nothing = ({ filtered }) => html`
  <div class="inbox-empty">
    <${Icon} name="bell" size=${32} />
    <strong>${filtered ? "Nothing here" : "You are up to date"}</strong>
    <span>${filtered ? "No notification matches." : "What happens for you will stand here."}</span>
  </div>
`;
