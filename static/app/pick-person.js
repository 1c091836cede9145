import { usePage } from "./context.js";
import { Dialog, Problem } from "./dialog.js";
import { PersonAvatar } from "./presence-dot.js";
import { html, useEffect, useState } from "./view.js";

/**
 * @typedef {import("../client/types.js").User} User
 *
 * @param {{close: () => void}} props
 */
export function NewDirect({ close }) {
  const { hubbub, ui } = usePage();
  const pick = async (user) => ui.show((await hubbub.chat.direct(user.id)).id);
  return html`<${PickPerson} title="Message a person" close=${close} pick=${pick} without=${none} />`;
}

/** @param {{room: import("../client/room.js").Room, close: () => void}} props */
export function Invite({ room, close }) {
  const { toasts } = usePage();
  const pick = async (user) => {
    await room.members.invite(user.id);
    toasts.say(`${user.name} is a member now.`);
    close();
  };
  const members = new Set(room.members.getSnapshot().members.map(({ userId }) => userId));
  return html`<${PickPerson} title="Invite people" close=${close} pick=${pick} without=${members} />`;
}

/** @type {Set<string>} */
const none = new Set();

/**
 * @param {{title: string, pick: (user: User) => Promise<void>, without: Set<string>, close: () => void}} props
 */
function PickPerson({ title, pick, without, close }) {
  const { hubbub } = usePage();
  const [people, setPeople] = useState(null);
  const [error, setError] = useState(null);
  const [wanted, setWanted] = useState("");

  useEffect(() => void hubbub.chat.people().then(setPeople, setError), []);

  const matching = (people ?? []).filter(
    ({ id, name }) => !without.has(id) && name.toLocaleLowerCase().includes(wanted.trim().toLocaleLowerCase()),
  );
  return html`
    <${Dialog} title=${title} close=${close}>
      <label class="field">
        <span class="hidden">Name</span>
        <input type="search" placeholder="Name" value=${wanted}
          onInput=${(event) => setWanted(event.target.value)} />
      </label>
      <${Problem} error=${error} />
      ${!people && !error && html`<div class="dialog-wait"><span class="spinner"></span></div>`}
      ${people && matching.length === 0 && html`<p class="dialog-empty">Nobody that you share a room with.</p>`}
      <ul class="results">
        ${matching.map(
          (user) => html`
            <li key=${user.id}>
              <button class="result" onClick=${() => pick(user).catch(setError)}>
                <${PersonAvatar} user=${user} /><span class="result-lines"><strong>${user.name}</strong></span>
              </button>
            </li>
          `,
        )}
      </ul>
    <//>
  `;
}
