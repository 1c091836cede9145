import { usePage } from "./context.js";
import { Icon, IconButton } from "./icons.js";
import { MessageEditor } from "./message-editor.js";
import { MessageText } from "./message-text.js";
import { PersonAvatar } from "./presence-dot.js";
import { Reactions } from "./reaction-chips.js";
import { clock, full } from "./times.js";
import { html, memo, useStore } from "./view.js";

/**
 * @typedef {import("../client/types.js").Message} Message
 * @typedef {ReturnType<typeof import("./message-actions.js").useMessageActions>} Actions
 */

/** One message that the server has stored. */
export const MessageRow = memo(
  /**
   * @param {{message: Message, grouped: boolean, quoted: Message | null, mine: boolean, moderates: boolean, writable: boolean,
   *   editing: boolean, tabbable: boolean, seen: boolean, actions: Actions}} props
   */
  (props) => {
    const { message, grouped, quoted, mine, writable, editing, tabbable, seen, actions } = props;
    const { user, createdAt, editedAt, deletedAt } = message;
    const me = usePage().hubbub.me.id;
    const forMe = message.mentions.includes(me);
    const look = [grouped && "grouped", mine && "mine", forMe && "for-me", editing && "editing"].filter(Boolean);

    return html`
      <div
        class="message ${look.join(" ")}"
        role="article"
        aria-label=${`${user.name}, ${clock(createdAt)}`}
        data-row=${message.id}
        data-seq=${message.seq}
        tabindex=${tabbable ? 0 : -1}
        onKeyDown=${(event) => event.target === event.currentTarget && shortcut(event, props)}
      >
        <${Gutter} user=${user} createdAt=${createdAt} grouped=${grouped} />
        <div class="message-body">
          ${!grouped && html`<${Byline} user=${user} createdAt=${createdAt} />`}
          ${message.replyToId && html`<${Quote} messageId=${message.replyToId} quoted=${quoted} actions=${actions} />`}
          ${deletedAt
            ? html`<p class="message-gone">This message was deleted.</p>`
            : editing
              ? html`<${MessageEditor} message=${message} actions=${actions} />`
              : html`<${MessageText} text=${message.message} mentions=${message.mentions} me=${me} nameOf=${actions.nameOf}
                  edited=${editedAt} />`}
          <${Reactions} message=${message} me=${me} writable=${writable} actions=${actions} />
          ${seen && html`<span class="seen">Seen</span>`}
        </div>
        ${writable && !deletedAt && !editing && html`<${Toolbar} ...${props} />`}
      </div>
    `;
  },
);

/** One's own message on its way. */
export const PendingRow = memo(
  /**
   * @param {{item: import("../client/types.js").Pending, me: import("../client/types.js").User, grouped: boolean,
   *   actions: Actions}} props
   */
  ({ item, me, grouped, actions }) => {
    const { clientId, status, error, retryAt, createdAt } = item;
    const connection = useStore(usePage().hubbub.connection).status;
    const way = connection === "live" ? "Sending…" : "Waiting for the connection";
    const state = status === "waiting" ? `Too fast: goes out at ${clock(new Date(retryAt).toISOString())}` : way;
    return html`
      <div
        class="message mine pending ${status} ${grouped ? "grouped" : ""}"
        role="article"
        aria-label="Your message"
        data-row=${clientId}
        tabindex="-1"
      >
        <${Gutter} user=${me} createdAt=${createdAt} grouped=${grouped} />
        <div class="message-body">
          ${!grouped && html`<${Byline} user=${me} createdAt=${createdAt} />`}
          <${MessageText} text=${item.message} mentions=${item.mentions} me=${me.id} nameOf=${actions.nameOf} edited=${null}
            note=${status !== "failed" && html`<span class="message-state"> ${state}</span>`} />
          ${status === "failed" &&
          html`<p class="message-failed" role="alert">
                <${Icon} name="warning" size=${16} />Not sent. ${error?.message}
                <button class="link" onClick=${() => actions.retry(clientId)}>Try again</button>
                <button class="link" onClick=${() => actions.discard(clientId)}>Discard</button>
              </p>`}
        </div>
      </div>
    `;
  },
);

/** @param {{user: import("../client/types.js").User, createdAt: string, grouped: boolean}} props */
const Gutter = ({ user, createdAt, grouped }) => html`
  <div class="message-gutter">
    ${grouped ? html`<time datetime=${createdAt} title=${full(createdAt)}>${clock(createdAt)}</time>` : html`<${PersonAvatar} user=${user} size="md" />`}
  </div>
`;

/** @param {{user: import("../client/types.js").User, createdAt: string}} props */
const Byline = ({ user, createdAt }) => html`
  <div class="byline">
    <strong>${user.name}</strong>
    <time datetime=${createdAt} title=${full(createdAt)}>${clock(createdAt)}</time>
  </div>
`;

/** @param {{messageId: string, quoted: Message | null, actions: Actions}} props */
const Quote = ({ messageId, quoted, actions }) => html`
  <button class="quote" onClick=${() => actions.goTo(messageId)}>
    <${Icon} name="reply" size=${14} />
    ${quoted
      ? html`<strong>${quoted.user.name}</strong><span>${quoted.deletedAt ? "Message deleted" : quoted.message}</span>`
      : html`<span>Go to the message that this answers</span>`}
  </button>
`;

/** @param {{message: Message, mine: boolean, moderates: boolean, actions: Actions}} props */
function Toolbar({ message, mine, moderates, actions }) {
  return html`
    <div class="toolbar" role="toolbar" aria-label="Message actions">
      <${IconButton} name="smile" size=${18} label="React" onClick=${(event) =>
        actions.pick(message, event.currentTarget)} />
      <${IconButton} name="reply" size=${18} label="Reply" onClick=${() => actions.reply(message)} />
      ${mine && html`<${IconButton} name="edit" size=${18} label="Edit" onClick=${() => actions.startEdit(message)} />`}
      ${(mine || moderates) &&
      html`<${IconButton} name="trash" size=${18} label="Delete" onClick=${() => actions.remove(message)} />`}
    </div>
  `;
}

/**
 * With the focus on a message: R replies, E edits, + reacts, Delete deletes.
 *
 * @param {any} event
 * @param {any} props
 */
function shortcut(event, { message, mine, moderates, writable, actions }) {
  if (!writable || message.deletedAt || event.ctrlKey || event.metaKey || event.altKey) return;
  const key = event.key.toLowerCase();
  if (key === "r") actions.reply(message);
  else if (key === "+") actions.pick(message, event.currentTarget);
  else if (key === "e" && mine) actions.startEdit(message);
  else if (key === "delete" && (mine || moderates)) actions.remove(message);
  else return;
  event.preventDefault();
}
