import { usePage } from "./context.js";
import { html, useEffect, useState } from "./view.js";

/**
 * A picture of a gallery. One that not everyone may see is fetched with the user's token, which an `<img>` does not send.
 *
 * @param {{image: import("../client/types.js").Image, address: string, alt: string, lazy?: boolean}} props
 */
export function Picture({ image, address, alt, lazy = false }) {
  const { hubbub } = usePage();
  const [fetched, setFetched] = useState(null);
  const [closed, setClosed] = useState(image.status !== "approved");
  const [broken, setBroken] = useState(false);

  useEffect(() => setClosed(image.status !== "approved"), [image.status]);
  useEffect(() => {
    if (!closed) return;
    let made = null;
    let wanted = true;
    const { gallery } = hubbub.entity(image.entityType, image.entityId);
    gallery.file(address).then(
      (blob) => {
        if (!wanted) return;
        made = URL.createObjectURL(blob);
        setFetched(made);
      },
      () => wanted && setBroken(true),
    );
    return () => {
      wanted = false;
      if (made) URL.revokeObjectURL(made);
    };
  }, [closed, address]);

  if (broken) return html`<span class="picture-broken">The picture cannot be shown.</span>`;
  const source = closed ? fetched : address;
  if (!source) return html`<span class="skeleton picture-loading" aria-hidden="true"></span>`;
  return html`<img src=${source} alt=${alt} width=${image.width} height=${image.height} loading=${lazy ? "lazy" : "eager"}
    decoding="async" onError=${() => (closed ? setBroken(true) : setClosed(true))} />`;
}

/** @param {import("../client/types.js").Image} image */
export const pictureName = ({ caption, user }) => caption || `Picture by ${user.name}`;
