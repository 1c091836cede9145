import { fit } from "./fit.js";
import { html, useLayoutEffect, useRef, useState } from "./view.js";

const LENGTH = 4000;

/**
 * A message's text while its author changes it: Enter saves, Escape leaves it as it was.
 *
 * @param {{message: import("../client/types.js").Message, actions: import("./message-row.js").Actions}} props
 */
export function MessageEditor({ message, actions }) {
  const [text, setText] = useState(message.message);
  const ref = useRef(null);

  useLayoutEffect(() => {
    const field = ref.current;
    const before = document.activeElement;
    field.focus();
    field.setSelectionRange(field.value.length, field.value.length);
    return () => {
      if (before instanceof HTMLElement && before.isConnected) before.focus();
      else document.querySelector("#composer-text")?.focus();
    };
  }, []);
  useLayoutEffect(() => fit(ref.current), [text]);

  const save = () => {
    if (text.trim()) actions.saveEdit(message, text.trim());
  };
  const keys = (event) => {
    if (event.key === "Escape") actions.cancelEdit();
    else if (event.key === "Enter" && !event.shiftKey && !event.isComposing) save();
    else return;
    event.preventDefault();
    event.stopPropagation();
  };
  return html`
    <div class="editor">
      <textarea
        ref=${ref}
        rows="1"
        aria-label="Edit your message"
        maxlength=${LENGTH}
        value=${text}
        onInput=${(event) => setText(event.target.value)}
        onKeyDown=${keys}
      ></textarea>
      <div class="editor-actions">
        <button type="button" class="button small primary" disabled=${!text.trim()} onClick=${save}>Save</button>
        <button type="button" class="button small" onClick=${actions.cancelEdit}>Cancel</button>
        <span class="muted small">Enter saves, Escape cancels</span>
      </div>
    </div>
  `;
}
