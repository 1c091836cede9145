import { usePage } from "./context.js";
import { Dialog } from "./dialog.js";
import { useObjectAddress } from "./upload-tile.js";
import { html, useState } from "./view.js";

const CAPTION_LENGTH = 500;

/**
 * A picture that was chosen, before it is sent.
 *
 * @param {{gallery: import("../client/gallery.js").Gallery, file: File, close: () => void}} props
 */
export function AddPicture({ gallery, file, close }) {
  const { hubbub, toasts } = usePage();
  const [caption, setCaption] = useState("");
  const address = useObjectAddress(file);
  const send = async (event) => {
    event.preventDefault();
    close();
    const image = await gallery.upload(file, { caption: caption.trim() });
    if (image?.status === "pending") toasts.say("Thank you! Your picture appears when a moderator has seen it.", "success");
  };
  return html`
    <${Dialog} title="Add a picture" close=${close}>
      <form onSubmit=${send}>
        <div class="picture-preview">${address && html`<img src=${address} alt="The picture you chose" />`}</div>
        <label class="field">
          <span>Caption <span class="muted">(optional)</span></span>
          <input name="caption" maxlength=${CAPTION_LENGTH} autocomplete="off" value=${caption}
            onInput=${(event) => setCaption(event.target.value)} />
        </label>
        ${!hubbub.moderates && html`<p class="muted small">A moderator looks at it before others see it.</p>`}
        <div class="dialog-actions">
          <button type="button" class="button" onClick=${close}>Cancel</button>
          <button class="button primary">Upload</button>
        </div>
      </form>
    <//>
  `;
}
