import { usePage } from "./context.js";
import { fit } from "./fit.js";
import { Icon, IconButton } from "./icons.js";
import { complete, MentionMenu, useCompletion } from "./mention-menu.js";
import { roomTitle } from "./names.js";
import { html, useEffect, useLayoutEffect, useRef, useStore } from "./view.js";

const LENGTH = 4000;

/**
 * Where messages are written. Enter sends, Shift+Enter begins a line; arrow up in an empty field edits
 * one's last message.
 *
 * @typedef {import("./room-view.js").Draft} Draft
 *
 * @param {{room: import("../client/room.js").Room, draft: Draft, keep: (changes: Partial<Draft>) => void}} props
 */
export function Composer({ room, draft, keep }) {
  const { hubbub } = usePage();
  const { summary } = useStore(room);
  const { status } = useStore(hubbub.connection);
  const field = useRef(null);
  const completion = useCompletion(room, hubbub.me.id);
  const title = roomTitle(summary, hubbub.me);

  useLayoutEffect(() => field.current && fit(field.current), [draft.text]);
  useEffect(() => {
    // Where there is a keyboard, writing can begin at once; on a phone it would cover the room.
    const reading = document.activeElement?.closest("[data-row]");
    if (matchMedia("(pointer: fine)").matches && !reading) field.current?.focus();
  }, [room, room.joined]);
  useEffect(() => {
    if (draft.replyTo) field.current?.focus();
  }, [draft.replyTo]);

  if (!room.joined) return html`<${JoinBar} room=${room} title=${title} />`;
  if (!summary.room.isActive) return html`<p class="composer-note">This room is archived. It can only be read.</p>`;

  const write = (text) => {
    keep({ text });
    if (text.trim()) room.typing.pressed();
    else room.typing.stop();
  };
  const send = () => {
    const message = draft.text.trim();
    if (!message) return;
    const mentions = draft.mentions.filter(({ name }) => message.includes(`@${name}`)).map(({ id }) => id);
    room.typing.stop();
    room.timeline.send({ message, replyToId: draft.replyTo?.id, mentions });
    keep({ text: "", mentions: [], replyTo: null });
    completion.close();
    field.current.focus();
  };
  const choose = (user) => {
    const text = complete(field.current, user.name);
    keep({ text, mentions: [...draft.mentions, { id: user.id, name: user.name }] });
    completion.close();
    field.current.focus();
  };
  const editLast = () => {
    const own = room.timeline.getSnapshot().messages.findLast(({ userId, deletedAt }) => userId === hubbub.me.id && !deletedAt);
    if (own) keep({ editing: own.id });
  };
  const keys = (event) => {
    if (event.isComposing || completion.keys(event, choose)) return;
    if (event.key === "Enter" && !event.shiftKey) send();
    else if (event.key === "ArrowUp" && draft.text === "") editLast();
    else if (event.key === "Escape" && draft.replyTo) keep({ replyTo: null });
    else return;
    event.preventDefault();
  };

  return html`
    <div class="composer">
      ${status !== "live" && html`<p class="composer-note" role="status">${waiting(status)}</p>`}
      ${draft.replyTo &&
      html`<div class="replying">
        <${Icon} name="reply" size=${16} />
        <span>Replying to <strong>${draft.replyTo.user.name}</strong></span>
        <span class="replying-text">${draft.replyTo.message}</span>
        <${IconButton} name="close" size=${16} label="Cancel reply" onClick=${() => keep({ replyTo: null })} />
      </div>`}
      <${MentionMenu} completion=${completion} choose=${choose} />
      <div class="composer-field">
        <textarea
          id="composer-text"
          ref=${field}
          rows="1"
          placeholder=${`Message ${title}`}
          aria-label=${`Message ${title}`}
          aria-autocomplete="list"
          aria-controls=${completion.people.length > 0 ? "mention-menu" : undefined}
          aria-activedescendant=${completion.people.length > 0 ? `mention-${completion.at}` : undefined}
          maxlength=${LENGTH}
          value=${draft.text}
          onInput=${(event) => {
            write(event.target.value);
            completion.look(event.target);
          }}
          onKeyDown=${keys}
          onBlur=${() => {
            room.typing.stop();
            completion.close();
          }}
        ></textarea>
        <button type="button" class="send" aria-label="Send" title="Send" disabled=${!draft.text.trim()} onClick=${send}>
          <${Icon} name="send" size=${20} />
        </button>
      </div>
    </div>
  `;
}

/** @param {string} status */
const waiting = (status) =>
  status === "connecting"
    ? "Connecting. You can write already."
    : "No connection right now. What you write is sent as soon as it is back.";

/** @param {{room: import("../client/room.js").Room, title: string}} props */
function JoinBar({ room, title }) {
  const { toasts } = usePage();
  return html`
    <div class="join-bar">
      <span>You are looking at <strong>${title}</strong>.</span>
      <button class="button primary" onClick=${() => room.join().catch(toasts.fail)}>Join to write</button>
    </div>
  `;
}
