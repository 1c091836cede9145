import { usePage } from "./context.js";
import { Icon } from "./icons.js";
import { counted, roomTitle } from "./names.js";
import { PersonAvatar, PresenceWords } from "./presence-dot.js";
import { brief } from "./times.js";
import { html, memo } from "./view.js";

/** One room in the list: its name, its newest message, and what is unread. */
export const RoomItem = memo(
  /** @param {{summary: import("../client/types.js").RoomSummary, current: boolean}} props */
  ({ summary, current }) => {
    const { hubbub, ui } = usePage();
    const { room, users, lastMessage, unreadCount, mentionCount } = summary;
    const other = users.find((user) => user.id !== hubbub.me.id);
    const title = roomTitle(summary, hubbub.me);
    const icon = room.visibility === "private" ? "lock" : "hash";
    return html`
      <li>
        <button
          class="room-item ${unreadCount > 0 ? "unread" : ""}"
          aria-current=${current ? "page" : undefined}
          onClick=${() => ui.show(room.id)}
        >
          ${room.visibility === "direct" && other
            ? html`<${PersonAvatar} user=${other} />`
            : html`<span class="room-icon"><${Icon} name=${icon} size=${18} /></span>`}
          <span class="room-lines">
            <span class="room-name">${title}</span>
            ${room.visibility === "direct" && other && html`<${PresenceWords} userId=${other.id} class="hidden" />`}
            <span class="room-last">${lastMessage ? preview(lastMessage, hubbub.me.id, room) : "No messages yet"}</span>
          </span>
          <span class="room-side">
            ${lastMessage && html`<time datetime=${lastMessage.createdAt}>${brief(lastMessage.createdAt)}</time>`}
            <${Badge} unread=${unreadCount} mentions=${mentionCount} />
          </span>
        </button>
      </li>
    `;
  },
);

/** @param {{unread: number, mentions: number}} props */
function Badge({ unread, mentions }) {
  if (unread === 0) return null;
  const label = counted(unread, "unread message") + (mentions > 0 ? `, ${counted(mentions, "mention")} of you` : "");
  return html`
    <span class="badge ${mentions > 0 ? "mentioned" : ""}" role="img" aria-label=${label}>
      ${mentions > 0 && "@"}${unread > 99 ? "99+" : unread}
    </span>
  `;
}

/**
 * @param {import("../client/types.js").Message} message
 * @param {string} me
 * @param {import("../client/types.js").Room} room
 */
function preview({ userId, user, message, deletedAt }, me, room) {
  const text = deletedAt ? "Message deleted" : message;
  if (userId === me) return `You: ${text}`;
  return room.visibility === "direct" ? text : `${user.name}: ${text}`;
}
