import { IconButton } from "./icons.js";
import { html, useLayoutEffect, useRef, useState } from "./view.js";

/**
 * A modal dialog. The browser keeps the focus inside, closes it on Escape and gives the focus back.
 *
 * @param {{title: string, close: () => void, children: any, class?: string}} props
 */
export function Dialog({ title, close, children, class: more = "" }) {
  const ref = useRef(null);
  useLayoutEffect(() => {
    const element = ref.current;
    element.showModal();
    element.querySelector("[data-first], input, textarea")?.focus();
    // Closing, not only taking it out of the page, gives the focus back.
    return () => element.close();
  }, []);
  const cancel = (event) => {
    // Closed by taking it out of the page, so that it is never there and shut at once.
    event.preventDefault();
    close();
  };
  const closed = () => {
    if (ref.current) close();
  };
  const aside = (event) => {
    if (event.target === ref.current) close();
  };
  return html`
    <dialog ref=${ref} class="dialog ${more}" aria-label=${title} onCancel=${cancel} onClose=${closed} onMouseDown=${aside}>
      <header class="dialog-head">
        <h2>${title}</h2>
        <${IconButton} name="close" label="Close" onClick=${close} />
      </header>
      <div class="dialog-body">${children}</div>
    </dialog>
  `;
}

/**
 * A form's state while its action runs: what went wrong, and for which field.
 *
 * @param {() => Promise<void>} work
 */
export function useSubmit(work) {
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState(null);
  const submit = async (event) => {
    event.preventDefault();
    setBusy(true);
    setError(null);
    try {
      await work();
    } catch (failure) {
      setError(failure);
      setBusy(false);
    }
  };
  return { busy, error, submit };
}

/**
 * What went wrong, under a form; nothing when each message stands at its field.
 *
 * @param {{error: any}} props
 */
export function Problem({ error }) {
  if (!error) return null;
  const fields = Object.entries(error.fields ?? {}).map(([name, texts]) => `${name}: ${[texts].flat().join(" ")}`);
  return html`<p class="problem" role="alert">${error.message}${fields.length > 0 && ` (${fields.join("; ")})`}</p>`;
}
