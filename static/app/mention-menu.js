import { PersonAvatar } from "./presence-dot.js";
import { html, useState } from "./view.js";

const SHOWN = 6;
const BEGUN = /(?:^|\s)@([\p{L}\p{N}._-]*)$/u;

/**
 * Completing "@…" to a member's name.
 *
 * @typedef {import("../client/types.js").User} User
 *
 * @param {import("../client/room.js").Room} room
 * @param {string} me
 */
export function useCompletion(room, me) {
  const [people, setPeople] = useState([]);
  const [at, setAt] = useState(0);
  const close = () => setPeople([]);

  return {
    people,
    at,
    close,
    /** Look at what stands before the caret. */
    look(field) {
      const begun = field.value.slice(0, field.selectionStart).match(BEGUN);
      if (!begun) return close();
      const wanted = begun[1].toLocaleLowerCase();
      const users = room.members.getSnapshot().members.map(({ user }) => user);
      const matching = users.filter(({ id, name }) => id !== me && name.toLocaleLowerCase().includes(wanted));
      matching.sort((one, other) => rank(one, wanted) - rank(other, wanted) || one.name.localeCompare(other.name));
      setPeople(matching.slice(0, SHOWN));
      setAt(0);
    },
    /** Take the keys that belong to an open menu; returns whether this one did. */
    keys(event, choose) {
      if (people.length === 0) return false;
      if (event.key === "ArrowDown") setAt((at + 1) % people.length);
      else if (event.key === "ArrowUp") setAt((at + people.length - 1) % people.length);
      else if (event.key === "Enter" || event.key === "Tab") choose(people[at]);
      else if (event.key === "Escape") close();
      else return false;
      event.preventDefault();
      return true;
    },
  };
}

/** Names that begin so come before names that hold it. */
const rank = ({ name }, wanted) =>
  name.toLocaleLowerCase().startsWith(wanted) ? 0 : 1;

/**
 * Replace the begun mention before the field's caret; the caret stands behind it at once, for whoever types on.
 *
 * @param {HTMLTextAreaElement} field
 * @param {string} name
 * @returns {string} the field's text
 */
export function complete(field, name) {
  const caret = field.selectionStart;
  const begun = field.value.slice(0, caret).match(BEGUN);
  field.setRangeText(`@${name} `, begun ? caret - begun[1].length - 1 : caret, caret, "end");
  return field.value;
}

/** @param {{completion: ReturnType<typeof useCompletion>, choose: (user: User) => void}} props */
export function MentionMenu({ completion: { people, at }, choose }) {
  if (people.length === 0) return null;
  return html`
    <ul id="mention-menu" class="mention-menu" role="listbox" aria-label="People to mention">
      ${people.map(
        (user, index) => html`
          <li
            key=${user.id}
            id=${`mention-${index}`}
            role="option"
            aria-selected=${index === at ? "true" : "false"}
            onMouseDown=${(event) => {
              // The field keeps the focus.
              event.preventDefault();
              choose(user);
            }}
          >
            <${PersonAvatar} user=${user} size="sm" />${user.name}
          </li>
        `,
      )}
    </ul>
  `;
}
