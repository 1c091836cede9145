import { usePage } from "./context.js";
import { Icon } from "./icons.js";
import { MessageRow, PendingRow } from "./message-row.js";
import { PersonAvatar, PresenceWords } from "./presence-dot.js";
import { follows, rowsOf, seenUpTo } from "./rows.js";
import { ScrollKeeper } from "./scroll-keeper.js";
import { useAttention } from "./attention.js";
import { useMessageActions } from "./message-actions.js";
import { html, useCallback, useEffect, useLayoutEffect, useMemo, useRef, useState, useStore } from "./view.js";

/** Nearer to an end of what is loaded than this, more is asked for. */
const AHEAD_PX = 600;

/**
 * The messages of a room. At most a few hundred are in the document: what scrolls far out of sight is
 * let go at the other end, by the timeline.
 *
 * @param {object} props
 * @param {import("../client/room.js").Room} props.room
 * @param {string | null} props.editing id of the message that is being edited
 * @param {(messageId: string | null) => void} props.onEdit
 * @param {(message: import("../client/types.js").Message) => void} props.onReply
 */
export function MessageList({ room, editing, onEdit, onReply }) {
  const { hubbub, ui } = usePage();
  const me = hubbub.me.id;
  const timeline = useStore(room.timeline);
  const { summary } = useStore(room);
  const { members } = useStore(room.members);
  const { goTo } = useStore(ui);
  const attentive = useAttention();
  const scroller = useRef(null);
  const keeper = useRef(null);
  const [atEnd, setAtEnd] = useState(true);
  const [seenSeq, setSeenSeq] = useState(0);
  const [target, setTarget] = useState(null);
  const [active, setActive] = useState(null);
  const [opening] = useState({ lastRead: summary.lastReadSeq, newest: room.reading.newestSeq });

  const { messages, pending, status, hasNewer } = timeline;
  const unread = room.joined && status === "ready" ? opening : null;
  const rows = useMemo(() => rowsOf(messages, me, unread), [messages, unread]);
  // One message can be reached with Tab: the one that had the focus last, at first the newest.
  const tabbable = messages.some(({ id }) => id === active) ? active : messages[messages.length - 1]?.id;
  const seen = summary.room.visibility === "direct" ? seenUpTo(messages, members, me) : null;

  const moved = useCallback(() => {
    const { distances } = keeper.current;
    setAtEnd(keeper.current.atEnd);
    if (distances.top < AHEAD_PX) void room.timeline.loadOlder();
    if (distances.end < AHEAD_PX) void room.timeline.loadNewer();
  }, [room]);

  useLayoutEffect(() => {
    const made = (keeper.current = new ScrollKeeper(scroller.current, moved));
    return () => made.close();
  }, [room]);

  // Where to begin: at what is new, if all of it is loaded, else at the end.
  useLayoutEffect(() => {
    if (status !== "ready") return;
    const first = scroller.current.querySelector(".divider-new");
    if (first && goTo === null) keeper.current?.toRow(first);
  }, [status === "ready"]);

  useLayoutEffect(() => {
    keeper.current?.restore();
    if (status === "ready") moved();
  }, [messages, pending, status]);

  useEffect(() => {
    room.looking({ atNewest: atEnd, attentive });
    if (atEnd && !hasNewer) setSeenSeq(messages[messages.length - 1]?.seq ?? 0);
  }, [messages, atEnd, attentive, hasNewer]);

  // Going to one message: have it loaded, and once it is in the document, bring it into sight.
  useEffect(() => {
    if (goTo !== null && status === "ready") void room.timeline.showAround(goTo);
  }, [goTo, status === "ready"]);
  useLayoutEffect(() => {
    const wanted = target ?? (goTo !== null ? messages.find(({ seq }) => seq === goTo)?.id : null);
    const row = wanted && scroller.current.querySelector(`[data-row="${CSS.escape(wanted)}"]`);
    if (!row) return;
    keeper.current?.toRow(row);
    row.focus({ preventScroll: true });
    row.classList.add("flash");
    setTarget(null);
    ui.arrived();
  }, [messages, target, goTo]);

  const goToMessage = async (messageId) => {
    if (await room.timeline.find(messageId)) setTarget(messageId);
  };
  const actions = useMessageActions(room, { onEdit, onReply, goToMessage });

  const toNewest = async () => {
    await room.timeline.showNewest();
    keeper.current?.toEnd();
  };
  const news = room.reading.newestSeq - seenSeq;

  return html`
    <div class="messages-frame">
      <div
        class="messages"
        ref=${scroller}
        role="log"
        aria-label="Messages"
        aria-live="polite"
        aria-relevant="additions"
        aria-busy=${timeline.loadingOlder || status === "loading" ? "true" : "false"}
        onKeyDown=${moveAmongRows}
        onfocusin=${(event) => setActive(event.target.closest("[data-row]")?.dataset.row ?? null)}
      >
        <div class="messages-inner">
          <${Beginning} room=${room} />
          ${rows.map((row) => {
            if (row.kind === "day") return html`<div key=${row.key} class="divider"><span>${row.label}</span></div>`;
            if (row.kind === "new") {
              return html`<div key=${row.key} class="divider divider-new" role="separator"><span>New</span></div>`;
            }
            return html`<${MessageRow}
              key=${row.key}
              message=${row.message}
              grouped=${row.grouped}
              quoted=${row.quoted}
              mine=${row.message.userId === me}
              moderates=${summary.role === "owner" || summary.role === "moderator"}
              writable=${room.joined && summary.room.isActive}
              editing=${editing === row.message.id}
              tabbable=${row.message.id === tabbable}
              seen=${row.message.id === seen}
              actions=${actions}
            />`;
          })}
          ${pending.map((item, at) => {
            const before = at > 0 ? pending[at - 1] : messages[messages.length - 1];
            const grouped = before !== undefined && follows({ userId: me, ...before }, { userId: me, ...item });
            return html`<${PendingRow}
              key=${item.clientId}
              item=${item}
              me=${hubbub.me}
              grouped=${grouped}
              actions=${actions}
            />`;
          })}
        </div>
      </div>
      ${status === "ready" &&
      (!atEnd || hasNewer) &&
      html`<button class="to-newest ${news > 0 ? "has-news" : ""}" onClick=${toNewest}>
        <${Icon} name="down" size=${18} />${news > 0 ? "New messages" : "Newest"}
      </button>`}
    </div>
  `;
}

/** What stands above the first message: that older ones come, or that there are none. */
function Beginning({ room }) {
  const { me } = usePage().hubbub;
  const { summary } = useStore(room);
  const { status, hasOlder, messages, pending } = useStore(room.timeline);
  if (status !== "ready" || hasOlder) {
    return html`<div class="beginning loading" aria-hidden="true">
      ${[0, 1, 2].map((key) => html`<div key=${key} class="skeleton message-skeleton"><i></i><b></b></div>`)}
    </div>`;
  }
  const quiet = messages.length === 0 && pending.length === 0;
  const others = summary.users.filter((user) => user.id !== me.id);
  const other = summary.room.visibility === "direct" && others.length === 1 && others[0];
  return html`
    <div class="beginning">
      ${other
        ? html`<${PersonAvatar} user=${other} size="lg" /><strong>${other.name}</strong><${PresenceWords} userId=${other.id} />`
        : html`<${Icon} name="speech" size=${28} />`}
      <p>${quiet ? "No messages yet. Say hello!" : "This is where it all began."}</p>
    </div>
  `;
}

/**
 * Arrow keys, Home and End move the focus from message to message.
 *
 * @param {any} event
 */
function moveAmongRows(event) {
  if (!event.target.matches("[data-row]")) return;
  const rows = [...event.currentTarget.querySelectorAll("[data-row]")];
  const at = rows.indexOf(event.target);
  const next = { ArrowUp: at - 1, ArrowDown: at + 1, Home: 0, End: rows.length - 1 }[event.key];
  if (next === undefined || !rows[next]) return;
  event.preventDefault();
  rows[next].focus();
}
