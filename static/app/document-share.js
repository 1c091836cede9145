import { Avatar } from "./avatar.js";
import { usePage } from "./context.js";
import { Dialog, Problem, useSubmit } from "./dialog.js";
import { IconButton } from "./icons.js";
import { html, useEffect, useState } from "./view.js";

const EVERYONE = [
  { value: "none", title: "Only people below", text: "Nobody else can open it." },
  { value: "read", title: "Everyone can read", text: "Whoever has the link." },
  { value: "write", title: "Everyone can write", text: "Whoever is signed in and has the link; visitors read." },
];

/**
 * Who may read a document, and who may write in it.
 *
 * @param {object} props
 * @param {import("../client/types.js").SharedDocument} props.document
 * @param {import("../client/types.js").Collaborator[]} [props.present] who has it open now
 * @param {() => void} props.close
 */
export function DocumentShare({ document, present = [], close }) {
  const { hubbub, toasts } = usePage();
  const [access, setAccess] = useState(document.access);
  const [people, setPeople] = useState([]);
  useEffect(() => void hubbub.chat.people().then(setPeople, toasts.fail), []);
  useEffect(() => void hubbub.documents.get(document.id).then((fresh) => setAccess(fresh.access), toasts.fail), []);
  const { busy, error, submit } = useSubmit(async () => {
    await hubbub.documents.share(document.id, access);
    toasts.say("It is shared as you wish.", "success");
    close();
  });

  const let_ = (id, right) => {
    const users = { ...access.users, [id]: right };
    if (!right) delete users[id];
    setAccess({ ...access, users });
  };
  const here = present.map(({ userId, name }) => ({ id: userId, name, profileImage: null }));
  const known = [...new Map([...here, ...people].map((person) => [person.id, person])).values()];
  const named = (id) => known.find((person) => person.id === id) ?? { id, name: "Somebody", profileImage: null };
  const more = known.filter(({ id }) => id !== hubbub.me.id && !(id in access.users));
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(`${location.origin}${location.pathname}#/documents/${document.id}`);
      toasts.say("The link is copied.");
    } catch (failure) {
      toasts.fail(failure);
    }
  };
  return html`
    <${Dialog} title=${`Share ${document.title}`} close=${close}>
      <form onSubmit=${submit}>
        <fieldset class="choices">
          <legend>With everyone</legend>
          ${EVERYONE.map(
            ({ value, title, text }) => html`
              <label key=${value} class="choice">
                <input type="radio" name="everyone" value=${value} checked=${access.everyone === value}
                  onChange=${() => setAccess({ ...access, everyone: value })} />
                <span><strong>${title}</strong><span class="muted">${text}</span></span>
              </label>
            `,
          )}
        </fieldset>
        <fieldset class="shared-people">
          <legend>With people</legend>
          <ul>
            ${Object.entries(access.users).map(
              ([id, right]) => html`
                <li key=${id} class="shared-person">
                  <${Avatar} user=${named(id)} /><span class="shared-name">${named(id).name}</span>
                  <select aria-label=${`What ${named(id).name} may do`} value=${right} onChange=${(event) => let_(id, event.target.value)}>
                    <option value="read">can read</option>
                    <option value="write">can write</option>
                  </select>
                  <${IconButton} name="close" size=${18} label=${`Remove ${named(id).name}`} onClick=${() => let_(id, null)} />
                </li>
              `,
            )}
          </ul>
          <label class="field">
            <span class="hidden">Add a person</span>
            <select value="" disabled=${more.length === 0} onChange=${(event) => let_(event.target.value, "write")}>
              <option value="">${more.length === 0 ? "Nobody else to choose from" : "Add a person…"}</option>
              ${more.map(({ id, name }) => html`<option key=${id} value=${id}>${name}</option>`)}
            </select>
          </label>
        </fieldset>
        <${Problem} error=${error} />
        <div class="dialog-actions">
          <button type="button" class="button first" onClick=${copy}>Copy link</button>
          <button type="button" class="button" onClick=${close}>Cancel</button>
          <button class="button primary" disabled=${busy}>Save</button>
        </div>
      </form>
    <//>
  `;
}
