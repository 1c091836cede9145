import { Bell } from "./bell.js";
import { usePage } from "./context.js";
import { Icon, IconButton } from "./icons.js";
import { counted, roomTitle } from "./names.js";
import { PresenceDot, PresenceWords } from "./presence-dot.js";
import { html, useEffect, useStore } from "./view.js";

/** @param {{room: import("../client/room.js").Room}} props */
export function RoomHeader({ room }) {
  const { hubbub, ui } = usePage();
  const { summary } = useStore(room);
  const { panel } = useStore(ui);
  const { rooms } = useStore(hubbub.chat);
  const { visibility, description, memberCount, isActive } = summary.room;
  const elsewhere = rooms.some((other) => other.room.id !== room.id && other.unreadCount > 0);
  const direct = visibility === "direct";
  const others = summary.users.filter((user) => user.id !== hubbub.me.id);

  return html`
    <header class="room-head">
      <button class="icon-button to-rooms" aria-label="Show rooms" title="Show rooms" onClick=${() => ui.setDrawer(true)}>
        <${Icon} name="back" />${elsewhere && html`<i class="dot" role="img" aria-label="Unread messages elsewhere"></i>`}
      </button>
      <div class="room-title">
        <h1>
          ${!direct && html`<${Icon} name=${visibility === "private" ? "lock" : "hash"} size=${18} />`}
          <span>${roomTitle(summary, hubbub.me)}</span>
          ${!isActive && html`<span class="tag">Archived</span>`}
        </h1>
        ${direct && others.length === 1
          ? html`<p class="room-presence">
              <${PresenceDot} userId=${others[0].id} size="sm" /><${PresenceWords} userId=${others[0].id} />
            </p>`
          : description && html`<p>${description}</p>`}
      </div>
      <${Bell} class="narrow-only" />
      <button
        class="button quiet members-button"
        aria-pressed=${panel ? "true" : "false"}
        aria-label=${`Members: ${memberCount}`}
        title=${counted(memberCount, "member")}
        onClick=${() => ui.togglePanel()}
      >
        <${Icon} name="people" size=${18} />${memberCount.toLocaleString("en")}
      </button>
      <${IconButton} name="search" label="Search in this room" class="wide-only" onClick=${() =>
        ui.openDialog({ kind: "search", room })} />
      ${room.joined && html`<${RoomMenu} room=${room} summary=${summary} />`}
    </header>
  `;
}

/** @param {{room: import("../client/room.js").Room, summary: import("../client/types.js").RoomSummary}} props */
function RoomMenu({ room, summary }) {
  const { hubbub, ui, toasts } = usePage();
  const moderates = summary.role === "owner" || summary.role === "moderator";
  const shared = summary.room.visibility !== "direct";
  const title = roomTitle(summary, hubbub.me);
  const { preferences } = useStore(hubbub.preferences);
  const muted = preferences?.mutedRooms.includes(room.id) ?? false;

  useEffect(() => {
    if (!preferences) hubbub.preferences.load().catch((error) => error.retryable || toasts.fail(error));
  }, []);

  const mute = () =>
    hubbub.preferences.mute(room.id, !muted).then(
      () => toasts.say(muted ? `${title} notifies you again.` : `${title} notifies you no more.`),
      toasts.fail,
    );
  const leave = () =>
    ui.openDialog({
      kind: "confirm",
      title: `Leave ${title}?`,
      text: "You will no longer see what is said there.",
      action: "Leave",
      act: async () => {
        await room.leave();
        ui.show(null);
        toasts.say(`You left ${title}.`);
      },
    });
  const items = [
    { label: "Search in this room", icon: "search", act: () => ui.openDialog({ kind: "search", room }) },
    { label: muted ? "Unmute" : "Mute", icon: muted ? "bell" : "bell-off", act: mute },
    shared && moderates && { label: "Invite people", icon: "plus", act: () => ui.openDialog({ kind: "invite", room }) },
    shared && moderates && { label: "Room settings", icon: "settings", act: () => ui.openDialog({ kind: "settings", room }) },
    { label: "Leave room", icon: "leave", danger: true, act: leave },
  ].filter(Boolean);
  const open = (event) =>
    ui.openPopup({ kind: "menu", anchor: event.currentTarget, label: "Room", items });
  return html`<${IconButton} name="more" label="Room menu" aria-haspopup="menu" onClick=${open} />`;
}
