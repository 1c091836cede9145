import { usePage } from "./context.js";
import { Icon, IconButton } from "./icons.js";
import { PersonAvatar, PresenceWords } from "./presence-dot.js";
import { html, useStore } from "./view.js";

const RANKS = { owner: 0, moderator: 1, member: 2 };

/** Who belongs to the room, in what role, and what can be done about it. */
export function MembersPanel({ room }) {
  const { ui, toasts } = usePage();
  const { summary } = useStore(room);
  const { members, hasMore } = useStore(room.members);
  const sorted = [...members].sort(
    (one, other) => RANKS[one.role] - RANKS[other.role] || one.user.name.localeCompare(other.user.name),
  );
  const moderates = summary.role === "owner" || summary.role === "moderator";
  const shared = summary.room.visibility !== "direct";

  return html`
    <aside class="panel" aria-label="Members">
      <header class="panel-head">
        <h2>Members</h2>
        <${IconButton} name="close" label="Close members" onClick=${() => ui.togglePanel()} />
      </header>
      ${shared &&
      moderates &&
      summary.room.isActive &&
      html`<button class="button wide" onClick=${() => ui.openDialog({ kind: "invite", room })}>
        <${Icon} name="plus" size=${18} />Invite people
      </button>`}
      <ul class="members">
        ${sorted.map(
          (member) => html`<${MemberItem} key=${member.userId} room=${room} member=${member} role=${summary.role} />`,
        )}
      </ul>
      ${hasMore &&
      members.length > 0 &&
      html`<button class="button small" onClick=${() => room.members.loadMore().catch(toasts.fail)}>Show more</button>`}
    </aside>
  `;
}

/**
 * @param {{room: import("../client/room.js").Room, member: import("../client/types.js").Member, role: string | null}} props
 *   `role` of this user
 */
function MemberItem({ room, member, role }) {
  const { hubbub, ui, toasts } = usePage();
  const { user, userId } = member;
  const mine = userId === hubbub.me.id;
  const shared = room.getSnapshot().summary.room.visibility !== "direct";
  const told = (work) => void work.catch(toasts.fail);
  const setRole = (wanted) => () => told(room.members.setRole(userId, wanted));

  const write = async () => ui.show((await hubbub.chat.direct(userId)).id);
  const expel = () =>
    ui.openDialog({
      kind: "confirm",
      title: `Remove ${user.name}?`,
      text: "They stop seeing this room at once.",
      action: "Remove",
      act: () => room.members.expel(userId),
    });
  const items = [
    shared && { label: "Send a message", icon: "speech", act: () => told(write()) },
    role === "owner" && member.role === "member" && { label: "Make moderator", icon: "people", act: setRole("moderator") },
    role === "owner" && member.role === "moderator" && { label: "Make member", icon: "people", act: setRole("member") },
    role === "owner" && { label: "Make owner", icon: "user", act: setRole("owner") },
    (role === "owner" || role === "moderator") &&
      member.role !== "owner" && { label: "Remove from room", icon: "leave", danger: true, act: expel },
  ].filter((item) => item && shared);
  const open = (event) =>
    ui.openPopup({ kind: "menu", anchor: event.currentTarget, label: user.name, items });

  return html`
    <li class="member" data-user=${userId}>
      <${PersonAvatar} user=${user} />
      <span class="member-lines">
        <span class="member-name">${user.name}${mine && html` <span class="muted">(you)</span>`}</span>
        <${PresenceWords} userId=${userId} />
      </span>
      ${member.role !== "member" && html`<span class="tag">${member.role}</span>`}
      ${!mine &&
      items.length > 0 &&
      html`<${IconButton} name="more" label=${`Actions for ${user.name}`} aria-haspopup="menu" onClick=${open} />`}
    </li>
  `;
}
