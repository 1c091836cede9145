import { usePage } from "./context.js";
import { Dialog, Problem, useSubmit } from "./dialog.js";
import { html, useState } from "./view.js";

const TITLE_LENGTH = 200;

/**
 * Asks what a document is called: a new one, or one that gets another name.
 *
 * @param {{document?: import("../client/types.js").SharedDocument, close: () => void}} props
 */
export function DocumentTitle({ document, close }) {
  const { hubbub, ui } = usePage();
  const [title, setTitle] = useState(document?.title ?? "");
  const { busy, error, submit } = useSubmit(async () => {
    if (document) {
      await hubbub.documents.rename(document.id, title.trim());
      close();
    } else {
      const made = await hubbub.documents.create({ title: title.trim() });
      ui.go("documents", made.id);
    }
  });
  return html`
    <${Dialog} title=${document ? "Rename the document" : "New document"} close=${close} class="narrow">
      <form onSubmit=${submit}>
        <label class="field">
          <span>Title</span>
          <input required maxlength=${TITLE_LENGTH} autocomplete="off" value=${title} onInput=${(event) => setTitle(event.target.value)} />
        </label>
        <${Problem} error=${error} />
        <div class="dialog-actions">
          <button type="button" class="button" onClick=${close}>Cancel</button>
          <button class="button primary" disabled=${busy || !title.trim()}>${document ? "Rename" : "Create"}</button>
        </div>
      </form>
    <//>
  `;
}
