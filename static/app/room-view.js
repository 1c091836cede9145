import { Composer } from "./composer.js";
import { usePage } from "./context.js";
import { Icon } from "./icons.js";
import { MembersPanel } from "./members-panel.js";
import { MessageList } from "./message-list.js";
import { PublicRooms } from "./public-rooms.js";
import { RoomHeader } from "./room-header.js";
import { TypingLine } from "./typing-line.js";
import { html, useEffect, useState, useStore } from "./view.js";

/**
 * The chosen room, or a hint to choose one.
 *
 * @param {{id: string | null, covered: boolean}} props `covered`: the list of rooms lies over it
 */
export function RoomView({ id: roomId, covered }) {
  const { hubbub } = usePage();
  const { status, rooms } = useStore(hubbub.chat);
  const [lookedFor, setLookedFor] = useState(null);
  const room = roomId ? hubbub.chat.room(roomId) : undefined;

  useEffect(() => {
    if (!roomId || status !== "ready" || hubbub.chat.room(roomId)) return;
    // Not one of the user's rooms: perhaps a public one that they only read.
    const looked = () => setLookedFor(roomId);
    hubbub.chat.publicRooms().then(looked, looked);
  }, [roomId, status]);

  if (room) return html`<${OpenRoom} room=${room} covered=${covered} />`;
  if (status === "loading" || (roomId && lookedFor !== roomId)) {
    return html`<main class="room empty" inert=${covered}><span class="spinner"></span></main>`;
  }
  if (rooms.length === 0 && !roomId) return html`<${Welcome} covered=${covered} />`;
  if (roomId) return html`<${Nothing} title="This room is not here" text="It may be private, or gone." covered=${covered} />`;
  return html`<${Nothing} title="Nothing chosen yet" text="Choose a room to read and write." covered=${covered} />`;
}

/** @param {{title: string, text: string, covered: boolean}} props */
function Nothing({ title, text, covered }) {
  const { ui } = usePage();
  return html`
    <main class="room empty" inert=${covered}>
      <${Icon} name="speech" size=${40} />
      <h1>${title}</h1>
      <p>${text}</p>
      <button class="button narrow-only" onClick=${() => ui.setDrawer(true)}>Show rooms</button>
    </main>
  `;
}

/**
 * For someone who is in no room yet.
 *
 * @param {{covered: boolean}} props
 */
function Welcome({ covered }) {
  const { hubbub, ui } = usePage();
  return html`
    <main class="room empty" inert=${covered}>
      <div class="welcome">
        <h1>Hello, ${hubbub.me.name}</h1>
        <p class="muted">Look into one of these rooms, or open your own.</p>
        <${PublicRooms} />
        <button class="button" onClick=${() => ui.openDialog({ kind: "create" })}>
          <${Icon} name="plus" size=${18} />Create a room
        </button>
      </div>
    </main>
  `;
}

/** @param {{room: import("../client/room.js").Room, covered: boolean}} props */
function OpenRoom({ room, covered }) {
  const { ui } = usePage();
  const { panel } = useStore(ui);
  const { status, error } = useStore(room.timeline);
  const [draft, setDraft] = useState(() => drafts.get(room.id) ?? emptyDraft);

  useEffect(() => {
    room.open();
    return () => room.close();
  }, [room]);

  const keep = (changes) => {
    setDraft((before) => {
      const next = { ...before, ...changes };
      drafts.set(room.id, next);
      return next;
    });
  };

  if (status === "failed") {
    return html`<${Nothing} title="You cannot see this room" text=${error.message} covered=${covered} />`;
  }
  return html`
    <main class="room" inert=${covered}>
      <${RoomHeader} room=${room} />
      <${MessageList} room=${room} onReply=${(message) => keep({ replyTo: message, editing: null })}
        editing=${draft.editing} onEdit=${(editing) => keep({ editing })} />
      <${TypingLine} room=${room} />
      <${Composer} room=${room} draft=${draft} keep=${keep} />
    </main>
    ${panel && html`<${MembersPanel} room=${room} />`}
  `;
}

/**
 * What was begun in a room and not sent; it is still there when one comes back.
 *
 * @typedef {{text: string, mentions: {id: string, name: string}[], replyTo: import("../client/types.js").Message | null, editing: string | null}} Draft
 */

/** @type {Draft} */
const emptyDraft = { text: "", mentions: [], replyTo: null, editing: null };

/** @type {Map<string, Draft>} */
const drafts = new Map();
