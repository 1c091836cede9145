import { Ago } from "./ago.js";
import { usePage } from "./context.js";
import { Dialog, Problem, useSubmit } from "./dialog.js";
import { html, useEffect, useState } from "./view.js";

const NAME_LENGTH = 100;

/**
 * The versions of a document that somebody gave a name: another one, and back to one of them.
 *
 * @param {{document: import("../client/types.js").SharedDocument, close: () => void}} props
 */
export function DocumentVersions({ document, close }) {
  const { hubbub, toasts } = usePage();
  const { id, mine } = document;
  const [versions, setVersions] = useState(null);
  const [hasMore, setHasMore] = useState(false);
  const [failure, setFailure] = useState(null);
  const [name, setName] = useState("");

  const load = async (before) => {
    try {
      const page = await hubbub.documents.versions(id, before ? { before } : {});
      setVersions((known) => [...(before ? known : []), ...page.versions]);
      setHasMore(page.hasMore);
    } catch (error) {
      setFailure(error);
    }
  };
  useEffect(() => void load(), []);

  const [round, setRound] = useState(0);
  const { busy, error, submit } = useSubmit(async () => {
    await hubbub.documents.snapshot(id, name.trim());
    setName("");
    setRound(round + 1);
    await load();
  });
  const restore = async (version) => {
    try {
      await hubbub.documents.restore(id, version.id);
      toasts.say(`The text is again that of “${version.name}”.`, "success");
      close();
    } catch (refused) {
      setFailure(refused);
    }
  };
  return html`
    <${Dialog} title="Versions" close=${close}>
      ${mine !== "read" && html`<${NameVersion} key=${round} name=${name} setName=${setName} busy=${busy} submit=${submit} />`}
      <${Problem} error=${error ?? failure} />
      ${!versions && !failure && html`<div class="dialog-wait"><span class="spinner"></span></div>`}
      ${versions?.length === 0 && html`<p class="dialog-empty">No version has a name yet. Name one before larger changes, to come back to it.</p>`}
      <ul class="versions">
        ${(versions ?? []).map(
          (version) => html`
            <li key=${version.id} class="version">
              <span class="version-lines">
                <strong>${version.name}</strong>
                <span class="muted">${version.user?.name ?? "Somebody"} · <${Ago} at=${version.createdAt} /></span>
              </span>
              ${mine !== "read" && html`<button class="button small" onClick=${() => restore(version)}>Restore</button>`}
            </li>
          `,
        )}
      </ul>
      ${hasMore && html`<button class="button wide" onClick=${() => load(versions.at(-1).id)}>Show more</button>`}
    <//>
  `;
}

/** @param {{name: string, setName: (name: string) => void, busy: boolean, submit: (event: any) => void}} props */
const NameVersion = ({ name, setName, busy, submit }) => html`
  <form class="name-version" onSubmit=${submit}>
    <label class="field">
      <span>Name what it is now</span>
      <input required maxlength=${NAME_LENGTH} placeholder="Before the review" autocomplete="off" value=${name}
        onInput=${(event) => setName(event.target.value)} />
    </label>
    <button class="button primary" disabled=${busy || !name.trim()}>Keep</button>
  </form>
`;
