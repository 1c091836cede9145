import { usePage } from "./context.js";
import { Dialog, Problem, useSubmit } from "./dialog.js";
import { html, useState } from "./view.js";

const REASON_LENGTH = 500;
const HOUR = 3600;
const LENGTHS = [
  { label: "For an hour", seconds: HOUR },
  { label: "For a day", seconds: 24 * HOUR },
  { label: "For a week", seconds: 7 * 24 * HOUR },
  { label: "Until pardoned", seconds: null },
];
const ACTS = {
  mute: { title: "Mute", text: "They can read on, but say nothing that others would see.", said: "is muted" },
  ban: { title: "Ban", text: "They are sent away at once and cannot come back.", said: "is banned" },
};

/**
 * Asks for how long somebody is to be kept from speaking or from coming in, and why.
 *
 * @param {{act: "mute" | "ban", user: import("../client/types.js").User, close: () => void}} props
 */
export function Sanction({ act, user, close }) {
  const { hubbub, toasts } = usePage();
  const [seconds, setSeconds] = useState(LENGTHS[0].seconds);
  const [reason, setReason] = useState("");
  const { title, text, said } = ACTS[act];
  const { busy, error, submit } = useSubmit(async () => {
    await hubbub.moderation[act](user.id, { ...(seconds && { seconds }), ...(reason.trim() && { reason: reason.trim() }) });
    close();
    toasts.say(`${user.name} ${said}.`, "success");
  });
  return html`
    <${Dialog} title=${`${title} ${user.name}`} close=${close} class="narrow">
      <form onSubmit=${submit}>
        <p>${text}</p>
        <label class="field">
          <span>How long</span>
          <select value=${seconds ?? ""} onChange=${(event) => setSeconds(Number(event.target.value) || null)}>
            ${LENGTHS.map((each) => html`<option key=${each.label} value=${each.seconds ?? ""}>${each.label}</option>`)}
          </select>
        </label>
        <label class="field">
          <span>Reason <span class="muted">(they are told)</span></span>
          <input name="reason" maxlength=${REASON_LENGTH} autocomplete="off" value=${reason} onInput=${(event) => setReason(event.target.value)} />
        </label>
        <${Problem} error=${error} />
        <div class="dialog-actions">
          <button type="button" class="button" onClick=${close}>Cancel</button>
          <button class="button danger" disabled=${busy}>${title}</button>
        </div>
      </form>
    <//>
  `;
}
