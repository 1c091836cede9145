import { IconButton } from "./icons.js";
import { html, useEffect, useState } from "./view.js";

/**
 * A picture on its way to the server.
 *
 * @param {{item: import("../client/gallery.js").Uploading, gallery: import("../client/gallery.js").Gallery}} props
 */
export function UploadTile({ item, gallery }) {
  const address = useObjectAddress(item.file);
  const failed = item.status === "failed";
  const percent = Math.round(item.progress * 100);
  return html`
    <li class="tile uploading" data-upload=${item.status}>
      ${address && html`<img src=${address} alt="" />`}
      <div class="tile-progress">
        ${failed
          ? html`<span class="problem" role="alert">${reasonOf(item.error)}</span>
              <button class="button small" onClick=${() => gallery.retryUpload(item.clientId)}>Try again</button>`
          : html`<progress max="1" value=${item.progress} aria-label=${`Uploading ${item.name}`}></progress>
              <span aria-hidden="true">${percent < 100 ? `${percent} %` : "Being checked…"}</span>`}
      </div>
      <${IconButton} name="close" size=${18} class="tile-menu" label=${failed ? "Discard the picture" : "Cancel the upload"}
        onClick=${() => gallery.cancel(item.clientId)} />
    </li>
  `;
}

/** @param {any} error what is wrong with the file itself says more than that something is */
const reasonOf = (error) => [error?.fields?.file].flat()[0] ?? error?.message ?? "It did not arrive.";

/**
 * An address at which the page can show a file that was chosen.
 *
 * @param {Blob} file
 */
export function useObjectAddress(file) {
  const [address, setAddress] = useState(null);
  useEffect(() => {
    const made = URL.createObjectURL(file);
    setAddress(made);
    return () => URL.revokeObjectURL(made);
  }, [file]);
  return address;
}
