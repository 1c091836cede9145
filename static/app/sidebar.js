import { Bell } from "./bell.js";
import { usePage } from "./context.js";
import { Icon, IconButton } from "./icons.js";
import { Navigation } from "./navigation.js";
import { PersonAvatar } from "./presence-dot.js";
import { RoomItem } from "./room-item.js";
import { Status } from "./status.js";
import { theme } from "./theme.js";
import { TRIPS } from "./trips.js";
import { html, useStore } from "./view.js";

/** The pages, the user's rooms, and the ways to more of them. */
export function Sidebar() {
  const { hubbub, ui } = usePage();
  const { status, rooms } = useStore(hubbub.chat);
  const { kind, id, roomId } = useStore(ui);
  const shared = rooms.filter(({ room }) => room.visibility !== "direct" && room.isActive);
  const direct = rooms.filter(({ room }) => room.visibility === "direct");
  const archived = rooms.filter(({ room }) => room.visibility !== "direct" && !room.isActive);
  const open = (dialog) => () => ui.openDialog({ kind: dialog });

  return html`
    <aside class="sidebar" aria-label="Rooms">
      <header class="sidebar-head">
        <img src="/static/app/icon.svg" width="28" height="28" alt="" />
        <strong>Hubbub</strong>
        <${Status} />
        <${Bell} />
      </header>
      <button class="search-button" onClick=${open("search")}>
        <${Icon} name="search" size=${18} /><span>Search messages</span><kbd>Ctrl K</kbd>
      </button>
      <${Navigation} />
      <nav class="rooms" aria-label="Your rooms">
        <${Section} title="Rooms">
          <${IconButton} name="compass" size=${18} label="Discover rooms" onClick=${open("discover")} />
          <${IconButton} name="plus" size=${18} label="Create a room" onClick=${open("create")} />
        <//>
        ${status === "loading" && html`<${RoomsLoading} />`}
        ${status === "ready" && shared.length === 0 && html`<${NoRooms} discover=${open("discover")} />`}
        <${RoomItems} rooms=${shared} current=${roomId} />
        <${Section} title="Direct messages">
          <${IconButton} name="plus" size=${18} label="Message a person" onClick=${open("direct")} />
        <//>
        ${status === "ready" && direct.length === 0 && html`<p class="rooms-hint">Write to somebody in private.</p>`}
        <${RoomItems} rooms=${direct} current=${roomId} />
        <${Section} title="Trips" />
        <${TripItems} current=${kind === "trips" ? id : null} />
        ${archived.length > 0 && html`<${Section} title="Archived" /><${RoomItems} rooms=${archived} current=${roomId} />`}
      </nav>
      <${Account} />
    </aside>
  `;
}

/** @param {{title: string, children?: any}} props */
const Section = ({ title, children }) => html`<div class="rooms-section"><h2>${title}</h2>${children}</div>`;

/** @param {{rooms: import("../client/types.js").RoomSummary[], current: string | null}} props */
function RoomItems({ rooms, current }) {
  return html`
    <ul>
      ${rooms.map(
        (summary) => html`<${RoomItem} key=${summary.room.id} summary=${summary} current=${summary.room.id === current} />`,
      )}
    </ul>
  `;
}

/** @param {{current: string | null}} props */
function TripItems({ current }) {
  const { ui } = usePage();
  return html`
    <ul>
      ${TRIPS.map(
        ({ id, title, place }) => html`
          <li key=${id}>
            <button class="room-item" aria-current=${current === id ? "page" : undefined} onClick=${() => ui.go("trips", id)}>
              <span class="room-icon"><${Icon} name="pin" size=${18} /></span>
              <span class="room-lines"><span class="room-name">${title}</span><span class="room-last">${place}</span></span>
            </button>
          </li>
        `,
      )}
    </ul>
  `;
}

/** @param {{discover: () => void}} props */
const NoRooms = ({ discover }) => html`
  <div class="rooms-hint">
    <p>You are in no room yet.</p>
    <button class="button small" onClick=${discover}>Discover rooms</button>
  </div>
`;

const RoomsLoading = () => html`
  <ul aria-hidden="true">
    ${[0, 1, 2].map((key) => html`<li key=${key} class="skeleton room-skeleton"></li>`)}
  </ul>
`;

function Account() {
  const { hubbub, ui, switchUser } = usePage();
  useStore(theme);
  const label = theme.isDark ? "Switch to light colours" : "Switch to dark colours";
  const menu = (event) =>
    ui.openPopup({
      kind: "menu",
      anchor: event.currentTarget,
      label: "Account",
      items: [
        { label: "Keyboard shortcuts", icon: "speech", act: () => ui.openDialog({ kind: "shortcuts" }) },
        { label: "Notification settings", icon: "bell", act: () => ui.openDialog({ kind: "notifications" }) },
        { label: "Use another name", icon: "user", act: switchUser },
      ],
    });
  return html`
    <footer class="account">
      <${PersonAvatar} user=${hubbub.me} />
      <span class="account-name">${hubbub.me.name}</span>
      <${IconButton} name=${theme.isDark ? "sun" : "moon"} label=${label} onClick=${() => theme.toggle()} />
      <${IconButton} name="more" label="Account" aria-haspopup="menu" onClick=${menu} />
    </footer>
  `;
}
