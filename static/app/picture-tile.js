import { usePage } from "./context.js";
import { Icon, IconButton } from "./icons.js";
import { Picture, pictureName } from "./picture.js";
import { html } from "./view.js";

/**
 * A picture in its gallery: pressed, it is shown large.
 *
 * @param {{image: import("../client/types.js").Image, gallery: import("../client/gallery.js").Gallery}} props
 */
export function PictureTile({ image, gallery }) {
  const { hubbub, ui, toasts } = usePage();
  const name = pictureName(image);
  const mine = image.user.id === hubbub.me.id;
  const pending = image.status === "pending";
  const remove = () =>
    ui.openDialog({
      kind: "confirm",
      title: "Delete this picture?",
      text: "It is gone for everyone.",
      action: "Delete",
      act: () => gallery.delete(image.id),
    });
  const feature = () => gallery.feature(image.id).then(() => toasts.say("This picture stands at the top now.", "success"), toasts.fail);
  const items = [
    hubbub.moderates && !pending && !image.isFeatured && { label: "Feature", icon: "star", act: feature },
    (mine || hubbub.moderates) && { label: "Delete", icon: "trash", danger: true, act: remove },
  ].filter(Boolean);
  const menu = (event) => ui.openPopup({ kind: "menu", anchor: event.currentTarget, label: name, items });

  return html`
    <li class="tile" data-image=${image.id} data-picture=${image.status}>
      <button class="tile-open" aria-label=${`Enlarge: ${name}`}
        onClick=${() => ui.openDialog({ kind: "viewer", gallery, imageId: image.id })}>
        <${Picture} image=${image} address=${image.thumbnailUrl} alt="" lazy=${true} />
      </button>
      ${pending && html`<span class="tile-tag waiting">Waiting for review</span>`}
      ${image.isFeatured && html`<span class="tile-tag"><${Icon} name="star" size=${14} filled=${true} />Featured</span>`}
      ${items.length > 0 &&
      html`<${IconButton} name="more" size=${18} class="tile-menu" label=${`Actions for ${name}`} aria-haspopup="menu" onClick=${menu} />`}
      ${image.caption && html`<span class="tile-caption">${image.caption}</span>`}
    </li>
  `;
}
