import { Ago } from "./ago.js";
import { usePage } from "./context.js";
import { Icon, IconButton } from "./icons.js";
import { counted } from "./names.js";
import { Nothing, Page } from "./page.js";
import { html, useStore } from "./view.js";

/**
 * The user's documents and those shared with them.
 *
 * @param {{covered: boolean}} props
 */
export function DocumentsView({ covered }) {
  const { hubbub, ui, toasts } = usePage();
  const { status, error, items, hasMore, loadingMore, unsent } = useStore(hubbub.documents);
  const create = () => ui.openDialog({ kind: "document-title" });
  const tools = html`<button class="button primary" onClick=${create}><${Icon} name="plus" size=${18} /><span class="wide-only">New document</span><span class="narrow-text">New</span></button>`;
  return html`
    <${Page} title="Documents" icon="document" covered=${covered} tools=${tools}>
      ${status === "loading" && items.length === 0 && html`<${Skeletons} />`}
      ${status === "failed" &&
      html`<${Nothing} icon="warning" title="Your documents could not be loaded">
        <span>${error.message}</span>
        <button class="button" onClick=${() => hubbub.documents.retry()}>Try again</button>
      <//>`}
      ${status === "ready" &&
      items.length === 0 &&
      html`<${Nothing} icon="document" title="No documents yet">
        <span>Begin one, share it, and write in it together: everybody sees every letter as it is typed.</span>
        <button class="button primary" onClick=${create}>New document</button>
      <//>`}
      <ul class="documents">
        ${items.map((document) => html`<${DocumentItem} key=${document.id} document=${document} unsent=${unsent.includes(document.id)} />`)}
      </ul>
      ${hasMore &&
      html`<button class="button wide" disabled=${loadingMore} onClick=${() => hubbub.documents.loadMore().catch(toasts.fail)}>
        ${loadingMore ? "Loading…" : "Show more"}
      </button>`}
    <//>
  `;
}

/** @param {{document: import("../client/types.js").SharedDocument, unsent: boolean}} props */
function DocumentItem({ document, unsent }) {
  const { ui } = usePage();
  const menu = useDocumentMenu(document);
  return html`
    <li class="saved-item">
      <button class="saved-open" onClick=${() => ui.go("documents", document.id)}>
        <span class="room-icon"><${Icon} name="document" size=${18} /></span>
        <span class="room-lines">
          <span class="room-name">${document.title}</span>
          <span class="room-last">${sharedWith(document)} · <${Ago} at=${document.updatedAt} /></span>
        </span>
        ${unsent && html`<span class="mark mark-pending"><${Icon} name="clock" size=${14} />Not sent</span>`}
      </button>
      <${IconButton} name="more" label=${`Actions for ${document.title}`} aria-haspopup="menu" onClick=${menu} />
    </li>
  `;
}

/** @param {import("../client/types.js").SharedDocument} document */
function sharedWith({ mine, access }) {
  if (mine !== "owner") return mine === "write" ? "Shared with you" : "Shared with you, to read";
  if (access.everyone === "write") return "Everyone with the link can write";
  if (access.everyone === "read") return "Everyone with the link can read";
  const count = Object.keys(access.users).length;
  return count > 0 ? `Shared with ${counted(count, "person", "people")}` : "Only you";
}

/**
 * What can be done with a document as a whole.
 *
 * @param {import("../client/types.js").SharedDocument} document
 * @returns {(event: any) => void} opens the menu
 */
export function useDocumentMenu(document) {
  const { hubbub, ui, toasts } = usePage();
  const { id, title, mine } = document;
  const remove = () =>
    ui.openDialog({
      kind: "confirm",
      title: `Delete ${title}?`,
      text: "It goes for everybody, with all its versions.",
      action: "Delete",
      act: async () => {
        await hubbub.documents.delete(id);
        toasts.say(`${title} is deleted.`);
        ui.go("documents");
      },
    });
  const items = [
    mine !== "read" && { label: "Rename", icon: "edit", act: () => ui.openDialog({ kind: "document-title", document }) },
    mine === "owner" && { label: "Share", icon: "people", act: () => ui.openDialog({ kind: "document-share", document }) },
    { label: "Versions", icon: "history", act: () => ui.openDialog({ kind: "document-versions", document }) },
    mine === "owner" && { label: "Delete", icon: "trash", danger: true, act: remove },
  ].filter(Boolean);
  return (event) => ui.openPopup({ kind: "menu", anchor: event.currentTarget, label: title, items });
}

const Skeletons = () => html`
  <div aria-hidden="true">${[0, 1, 2].map((key) => html`<div key=${key} class="skeleton row-skeleton"></div>`)}</div>
`;
