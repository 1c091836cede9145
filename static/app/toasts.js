import { Observable } from "../client/observable.js";
import { IconButton } from "./icons.js";
import { html, useStore } from "./view.js";

const SHOWN_MS = 6_000;
const SHOWN_AT_ONCE = 4;

/**
 * Short notes that come and go by themselves.
 *
 * @typedef {{id: number, level: "info" | "error", text: string}} Toast
 *
 * @extends {Observable<{toasts: Toast[]}>}
 */
export class Toasts extends Observable {
  #count = 0;

  constructor() {
    super({ toasts: [] });
  }

  /**
   * @param {string} text
   * @param {"info" | "error"} [level]
   */
  say(text, level = "info") {
    const { toasts } = this.getSnapshot();
    if (toasts.some((toast) => toast.text === text)) return;
    const id = ++this.#count;
    this.change({ toasts: [...toasts, { id, level, text }].slice(-SHOWN_AT_ONCE) });
    setTimeout(() => this.dismiss(id), SHOWN_MS);
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
      ${toasts.map(
        ({ id, level, text }) => html`
          <div key=${id} class="toast toast-${level}">
            <span>${text}</span>
            <${IconButton} name="close" size=${16} label="Dismiss" onClick=${() => store.dismiss(id)} />
          </div>
        `,
      )}
    </div>
  `;
}
