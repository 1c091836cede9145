import { Ago } from "./ago.js";
import { Dialog } from "./dialog.js";
import { IconButton } from "./icons.js";
import { Picture, pictureName } from "./picture.js";
import { html, useEffect, useState, useStore } from "./view.js";

/**
 * One picture as large as the window lets it be; the arrow keys lead to the others.
 *
 * @param {{gallery: import("../client/gallery.js").Gallery, imageId: string, close: () => void}} props
 */
export function PictureViewer({ gallery, imageId, close }) {
  const { items } = useStore(gallery);
  const [shown, setShown] = useState(imageId);
  const at = items.findIndex(({ id }) => id === shown);
  const image = items[at];
  const turn = (step) => {
    const next = items[at + step];
    if (next) setShown(next.id);
  };
  useEffect(() => {
    // Deleted while it was looked at.
    if (!image) close();
  }, [image]);
  if (!image) return null;

  const keys = (event) => {
    if (event.key === "ArrowLeft") turn(-1);
    else if (event.key === "ArrowRight") turn(1);
  };
  return html`
    <${Dialog} title=${pictureName(image)} close=${close} class="viewer">
      <figure class="viewer-figure" onKeyDown=${keys}>
        <div class="viewer-frame">
          <${Picture} key=${image.id} image=${image} address=${image.url} alt=${pictureName(image)} />
          <${IconButton} name="back" class="viewer-turn" label="Previous picture" disabled=${at === 0} onClick=${() => turn(-1)} data-first />
          <${IconButton} name="forward" class="viewer-turn next" label="Next picture" disabled=${at === items.length - 1} onClick=${() => turn(1)} />
        </div>
        <figcaption class="muted small">${image.user.name} · <${Ago} at=${image.createdAt} /> · ${at + 1} of ${items.length}</figcaption>
      </figure>
    <//>
  `;
}
