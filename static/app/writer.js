import { fit } from "./fit.js";
import { html, useLayoutEffect, useRef, useState } from "./view.js";

const LENGTH = 4000;

/**
 * A field for a few lines, with its buttons: Ctrl + Enter sends, Escape cancels.
 *
 * @param {object} props
 * @param {string} props.label              what is read out, and stands in the empty field
 * @param {string} props.action             what the button says
 * @param {(text: string) => void} props.onSend
 * @param {string} [props.text]             to begin with
 * @param {() => void} [props.onCancel]     without it there is nothing to cancel
 * @param {import("../client/typing.js").TypingReporter} [props.typing]
 */
export function Writer({ label, action, onSend, text: before = "", onCancel, typing }) {
  const [text, setText] = useState(before);
  const field = useRef(null);
  useLayoutEffect(() => fit(field.current), [text]);
  useLayoutEffect(() => {
    // Opened by a button: what was pressed leads here.
    if (!onCancel) return;
    field.current.focus();
    field.current.setSelectionRange(before.length, before.length);
  }, []);

  const write = (event) => {
    setText(event.target.value);
    if (event.target.value.trim()) typing?.pressed();
    else typing?.stop();
  };
  const send = (event) => {
    event?.preventDefault();
    if (!text.trim()) return;
    typing?.stop();
    onSend(text.trim());
    setText("");
  };
  const keys = (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey) && !event.isComposing) send();
    else if (event.key === "Escape" && onCancel) onCancel();
    else return;
    event.preventDefault();
    event.stopPropagation();
  };
  return html`
    <form class="writer" onSubmit=${send}>
      <textarea
        ref=${field}
        rows="1"
        placeholder=${label}
        aria-label=${label}
        maxlength=${LENGTH}
        value=${text}
        onInput=${write}
        onKeyDown=${keys}
        onBlur=${() => typing?.stop()}
      ></textarea>
      <div class="writer-actions">
        <span class="muted small wide-only">Ctrl + Enter</span>
        ${onCancel && html`<button type="button" class="button small" onClick=${onCancel}>Cancel</button>`}
        <button class="button small primary" disabled=${!text.trim()}>${action}</button>
      </div>
    </form>
  `;
}

/**
 * Give the focus back to the button that opened a field, when the field is closed.
 *
 * @param {boolean} open
 * @param {{current: HTMLElement | null}} place what holds the button
 * @param {string} button a selector
 */
export function useFocusBack(open, place, button) {
  const was = useRef(false);
  useLayoutEffect(() => {
    if (was.current && !open) place.current?.querySelector(button)?.focus();
    was.current = open;
  }, [open]);
}
