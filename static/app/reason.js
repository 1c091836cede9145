import { Dialog, Problem, useSubmit } from "./dialog.js";
import { html, useState } from "./view.js";

const LENGTH = 500;

/**
 * Asks why, before something is done for which a reason can be given.
 *
 * @param {object} props
 * @param {string} props.title
 * @param {string} props.text
 * @param {string} [props.quote]
 * @param {string} props.action
 * @param {boolean} [props.danger]
 * @param {(reason: string) => Promise<void>} props.act
 * @param {() => void} props.close
 */
export function Reason({ title, text, quote, action, danger = false, act, close }) {
  const [reason, setReason] = useState("");
  const { busy, error, submit } = useSubmit(async () => {
    await act(reason.trim());
    close();
  });
  return html`
    <${Dialog} title=${title} close=${close} class="narrow">
      <form onSubmit=${submit}>
        <p>${text}</p>
        ${quote && html`<blockquote>${quote}</blockquote>`}
        <label class="field">
          <span>Reason <span class="muted">(optional)</span></span>
          <input name="reason" maxlength=${LENGTH} autocomplete="off" value=${reason}
            onInput=${(event) => setReason(event.target.value)} />
        </label>
        <${Problem} error=${error} />
        <div class="dialog-actions">
          <button type="button" class="button" onClick=${close}>Cancel</button>
          <button class="button ${danger ? "danger" : "primary"}" disabled=${busy}>${action}</button>
        </div>
      </form>
    <//>
  `;
}
