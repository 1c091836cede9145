import { usePage } from "./context.js";
import { Icon } from "./icons.js";
import { Nothing } from "./page.js";
import { PictureTile } from "./picture-tile.js";
import { UploadTile } from "./upload-tile.js";
import { html, useRef, useStore } from "./view.js";

const TAKEN = "image/jpeg,image/png,image/webp,image/gif";

/**
 * The pictures of something, and the way to add one.
 *
 * @param {{type: string, id: string}} props
 */
export function GallerySection({ type, id }) {
  const { hubbub, ui, toasts } = usePage();
  const { gallery } = hubbub.entity(type, id);
  const { status, error, items, uploads, count, hasMore, loadingMore } = useStore(gallery);
  const field = useRef(null);
  const chosen = () => {
    const [file] = field.current.files;
    field.current.value = "";
    if (file) ui.openDialog({ kind: "picture", gallery, file });
  };

  return html`
    <section class="sheet gallery" aria-labelledby="gallery-title">
      <header class="sheet-head">
        <h2 id="gallery-title">Pictures <span class="count" data-count="pictures">${count}</span></h2>
        <input ref=${field} class="hidden" type="file" accept=${TAKEN} tabindex="-1" aria-label="Picture to add" onChange=${chosen} />
        <button class="button small" onClick=${() => field.current.click()}><${Icon} name="camera" size=${18} />Add a picture</button>
      </header>
      ${status === "loading" && items.length === 0 && html`<${Skeletons} />`}
      ${status === "failed" &&
      html`<${Nothing} icon="warning" title="The pictures could not be loaded">
        <span>${error.message}</span>
        <button class="button" onClick=${() => gallery.retry()}>Try again</button>
      <//>`}
      ${status === "ready" &&
      items.length + uploads.length === 0 &&
      html`<${Nothing} icon="camera" title="No pictures yet"><span>Have you been here? Add the first one.</span><//>`}
      <ul class="tiles" aria-label="Pictures" aria-live="polite" aria-relevant="additions">
        ${uploads.map((item) => html`<${UploadTile} key=${item.clientId} item=${item} gallery=${gallery} />`)}
        ${items.map((image) => html`<${PictureTile} key=${image.id} image=${image} gallery=${gallery} />`)}
      </ul>
      ${hasMore &&
      html`<button class="button small wide" disabled=${loadingMore} onClick=${() => gallery.loadMore().catch(toasts.fail)}>
        ${loadingMore ? "Loading…" : "Show more pictures"}
      </button>`}
    </section>
  `;
}

const Skeletons = () => html`
  <div class="tiles" aria-hidden="true">${[0, 1, 2].map((key) => html`<div key=${key} class="skeleton tile"></div>`)}</div>
`;
