import { Collaborators } from "./collaborators.js";
import { usePage } from "./context.js";
import { DocumentEditor } from "./document-editor.js";
import { useDocumentMenu } from "./documents-view.js";
import { Bell } from "./bell.js";
import { Icon, IconButton } from "./icons.js";
import { Nothing } from "./page.js";
import { html, useEffect, useState, useStore } from "./view.js";

/**
 * One document, to write in together. The editor is loaded when it is first needed.
 *
 * @param {{id: string, covered: boolean}} props
 */
export function DocumentView({ id, covered }) {
  const [editor, setEditor] = useState(null);
  const [failure, setFailure] = useState(null);
  useEffect(() => void import("../vendor/editor.js").then(setEditor, setFailure), []);
  if (editor) return html`<${Opened} id=${id} editor=${editor} covered=${covered} />`;
  return html`
    <${Frame} covered=${covered} title="Document">
      ${failure &&
      html`<${Nothing} icon="warning" title="The editor could not be loaded">
        <span>${failure.message}</span>
        <button class="button" onClick=${() => location.reload()}>Load the page again</button>
      <//>`}
    <//>
  `;
}

/** @param {{id: string, editor: any, covered: boolean}} props */
function Opened({ id, editor, covered }) {
  const { hubbub, ui } = usePage();
  const shared = hubbub.document(id, editor);
  const view = useStore(shared);
  const { status, error, document } = view;
  const title = document?.title ?? "Document";

  if (status === "failed") {
    const gone = error.code === "not_found";
    return html`
      <${Frame} covered=${covered} title="Document">
        <${Nothing} icon=${gone ? "document" : "warning"} title=${gone ? "This document is not here" : "The document could not be opened"}>
          <span>${gone ? "It was deleted, or it is not shared with you." : error.message}</span>
          ${gone
            ? html`<button class="button" onClick=${() => ui.go("documents")}>All documents</button>`
            : html`<button class="button" onClick=${() => shared.retry()}>Try again</button>`}
        <//>
      <//>
    `;
  }
  const tools = document && html`<${Tools} document=${document} view=${view} />`;
  return html`
    <${Frame} covered=${covered} title=${title} tools=${tools}>
      ${error && html`<${Refused} error=${error} discard=${() => shared.discard()} />`}
      ${document
        ? html`<${DocumentEditor} key=${view.doc.guid} editor=${editor} view=${view} label=${`Text of ${title}`} />`
        : html`<div class="paper" aria-hidden="true"><i class="skeleton"></i><i class="skeleton"></i><i class="skeleton"></i></div>`}
    <//>
  `;
}

/** @param {{title: string, covered: boolean, tools?: any, children?: any}} props */
function Frame({ title, covered, tools, children }) {
  const { ui } = usePage();
  return html`
    <main class="room page document-page" inert=${covered}>
      <header class="room-head">
        <${IconButton} name="back" label="All documents" onClick=${() => ui.go("documents")} />
        <div class="room-title"><h1><span>${title}</span></h1></div>
        ${tools}
        <${Bell} class="narrow-only" />
      </header>
      <div class="page-body"><div class="page-column">${children}</div></div>
    </main>
  `;
}

/** @param {{document: import("../client/types.js").SharedDocument, view: import("../client/document.js").DocumentView}} props */
function Tools({ document, view }) {
  const { ui } = usePage();
  const menu = useDocumentMenu(document);
  return html`
    <${SavedMark} view=${view} />
    <${Collaborators} people=${view.collaborators} />
    ${document.mine === "owner" &&
    html`<button class="button wide-only-flex" onClick=${() => ui.openDialog({ kind: "document-share", document, present: view.collaborators })}>
      <${Icon} name="people" size=${18} />Share
    </button>`}
    <${IconButton} name="more" label="Actions for this document" aria-haspopup="menu" onClick=${menu} />
  `;
}

/**
 * Whether the server has everything.
 *
 * @param {{view: import("../client/document.js").DocumentView}} props
 */
function SavedMark({ view: { status, saved, kept, canWrite } }) {
  let mark = ["saved", "check", "Saved"];
  if (status === "reconnecting") mark = ["pending", "offline", !saved && kept ? "Offline, kept here" : "Offline"];
  else if (!canWrite) mark = ["reading", "eye", "Read only"];
  else if (!saved) mark = ["saving", "clock", "Saving…"];
  const [look, icon, text] = mark;
  return html`<span class="mark mark-${look} document-mark" role="status"><${Icon} name=${icon} size=${16} /><span>${text}</span></span>`;
}

/** @param {{error: Error, discard: () => void}} props */
const Refused = ({ error, discard }) => html`
  <div class="sync-banner sync-conflict" role="alert">
    <${Icon} name="warning" size=${18} />
    <span class="sync-lines"><strong>Your last changes could not be saved.</strong><span>${error.message}</span></span>
    <button class="button small" onClick=${discard}>Discard them</button>
  </div>
`;
