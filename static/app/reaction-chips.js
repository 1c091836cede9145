import { hasReacted } from "../client/index.js";
import { Icon } from "./icons.js";
import { list } from "./names.js";
import { html } from "./view.js";

const NAMED = 10;

/**
 * The reactions to a message; pressing one gives or takes back one's own.
 *
 * @param {{message: import("../client/types.js").Message, me: string, writable: boolean, actions: import("./message-row.js").Actions}} props
 */
export function Reactions({ message, me, writable, actions }) {
  if (message.reactions.length === 0) return null;
  return html`
    <div class="reactions" role="group" aria-label="Reactions">
      ${message.reactions.map(({ emoji, count, userIds }) => {
        const mine = hasReacted(message.reactions, emoji, me);
        return html`
          <button
            key=${emoji}
            type="button"
            class="chip"
            aria-pressed=${mine ? "true" : "false"}
            aria-label=${`${emoji} ${count}`}
            title=${`${who(userIds, count, me, actions.nameOf)} reacted with ${emoji}`}
            disabled=${!writable}
            onClick=${() => actions.toggle(message.id, emoji)}
          >
            <span>${emoji}</span><span>${count}</span>
          </button>
        `;
      })}
      ${writable &&
      html`<button type="button" class="chip chip-add" aria-label="Add a reaction" title="Add a reaction"
        onClick=${(event) => actions.pick(message, event.currentTarget)}>
        <${Icon} name="smile" size=${16} />
      </button>`}
    </div>
  `;
}

/**
 * @param {string[]} userIds
 * @param {number} count
 * @param {string} me
 * @param {(id: string) => string | undefined} nameOf
 */
function who(userIds, count, me, nameOf) {
  const named = userIds.map((id) => (id === me ? "You" : nameOf(id))).filter((name) => name !== undefined);
  const shown = named.slice(0, NAMED);
  const others = count - shown.length;
  return list(others > 0 ? [...shown, `${others} ${others === 1 ? "other" : "others"}`] : shown);
}
