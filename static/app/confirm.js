import { Dialog, Problem, useSubmit } from "./dialog.js";
import { html } from "./view.js";

/**
 * Asks before something that cannot be undone.
 *
 * @param {{title: string, text: string, quote?: string, action: string, act: () => Promise<void>, close: () => void}} props
 */
export function Confirm({ title, text, quote, action, act, close }) {
  const { busy, error, submit } = useSubmit(async () => {
    await act();
    close();
  });
  return html`
    <${Dialog} title=${title} close=${close} class="narrow">
      <form onSubmit=${submit}>
        <p>${text}</p>
        ${quote && html`<blockquote>${quote}</blockquote>`}
        <${Problem} error=${error} />
        <div class="dialog-actions">
          <button type="button" class="button" onClick=${close}>Cancel</button>
          <button class="button danger" data-first disabled=${busy}>${action}</button>
        </div>
      </form>
    <//>
  `;
}
