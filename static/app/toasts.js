import { Observable } from "../client/observable.js";
import { Icon, IconButton } from "./icons.js";
import { LEVEL_ICONS } from "./notification-looks.js";
import { html, useEffect, useState, useStore } from "./view.js";

const SHOWN_MS = 6_000;
const SHOWN_WITH_ACTION_MS = 10_000;
const SHOWN_AT_ONCE = 4;

/**
 * Short notes that come and go by themselves.
 *
 * @typedef {object} Toast
 * @property {"info" | "success" | "warning" | "error"} level
 * @property {string} text
 * @property {string} [title]
 * @property {{label: string, act: () => void} | null} [action]
 * @property {string} [topic]                it takes the place of an earlier one of the same topic
 *
 * @extends {Observable<{toasts: (Toast & {id: number})[]}>}
 */
export class Toasts extends Observable {
  #count = 0;

  constructor() {
    super({ toasts: [] });
  }

  /**
   * @param {string} text
   * @param {Toast["level"]} [level]
   */
  say(text, level = "info") {
    this.show({ text, level });
  }

  /** @param {Toast} toast */
  show(toast) {
    const toasts = this.getSnapshot().toasts.filter(({ topic }) => topic === undefined || topic !== toast.topic);
    if (toasts.some(({ title, text }) => text === toast.text && title === toast.title)) return;
    this.change({ toasts: [...toasts, { ...toast, id: ++this.#count }].slice(-SHOWN_AT_ONCE) });
  }

  /** @param {Error} error */
  fail = (error) => {
    if (!("code" in error)) console.error(error);
    this.say(error.message, "error");
  };

  /** @param {number} id */
  dismiss(id) {
    this.change({ toasts: this.getSnapshot().toasts.filter((toast) => toast.id !== id) });
  }
}

/** @param {{toasts: Toasts}} props */
export function ToastList({ toasts: store }) {
  const { toasts } = useStore(store);
  return html`
    <div class="toasts" role="status" aria-live="polite">
      ${toasts.map((toast) => html`<${ToastItem} key=${toast.id} toast=${toast} dismiss=${() => store.dismiss(toast.id)} />`)}
    </div>
  `;
}

/**
 * It stays as long as the pointer or the focus is on it.
 *
 * @param {{toast: Toast, dismiss: () => void}} props
 */
function ToastItem({ toast: { level, title, text, action }, dismiss }) {
  const [held, setHeld] = useState(false);
  useEffect(() => {
    if (held) return;
    const timer = setTimeout(dismiss, action ? SHOWN_WITH_ACTION_MS : SHOWN_MS);
    return () => clearTimeout(timer);
  }, [held]);
  const act = () => {
    dismiss();
    action.act();
  };
  return html`
    <div
      class="toast level-${level}"
      data-level=${level}
      onPointerEnter=${() => setHeld(true)}
      onPointerLeave=${() => setHeld(false)}
      onfocusin=${() => setHeld(true)}
      onfocusout=${() => setHeld(false)}
    >
      <span class="toast-icon"><${Icon} name=${LEVEL_ICONS[level]} size=${18} /></span>
      <span class="toast-lines">${title && html`<strong>${title}</strong>`}<span class="toast-text">${text}</span></span>
      ${action && html`<button type="button" class="button small" onClick=${act}>${action.label}</button>`}
      <${IconButton} name="close" size=${16} label="Dismiss" onClick=${dismiss} />
    </div>
  `;
}
