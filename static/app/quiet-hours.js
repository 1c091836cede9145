import { html, useState } from "./view.js";

const HERE = Intl.DateTimeFormat().resolvedOptions().timeZone;
const USUAL = { start: "22:00", end: "07:00", timeZone: HERE };

/**
 * When nothing is pushed and nothing pops up.
 *
 * @param {{hours: import("../client/types.js").QuietHours | null, save: (changes: object) => void}} props
 */
export function QuietHours({ hours, save }) {
  const [problem, setProblem] = useState("");
  const change = (part) => {
    const wanted = { ...hours, ...part };
    // A field that is being written is empty for a moment.
    if (!wanted.start || !wanted.end) return setProblem("Both times are needed.");
    if (wanted.start === wanted.end) return setProblem("They must end at another time than they start.");
    setProblem("");
    save({ quietHours: wanted });
  };
  const field = (name, label) => html`
    <label class="field">
      <span>${label}</span>
      <input type="time" value=${hours[name]} onChange=${(event) => change({ [name]: event.target.value })} />
    </label>
  `;
  return html`
    <section class="settings-section" aria-label="Quiet hours">
      <label class="settings-switch">
        <span>
          <h3>Quiet hours</h3>
          <span class="muted small">Nothing is pushed and nothing pops up; it waits behind the bell.</span>
        </span>
        <input type="checkbox" role="switch" checked=${hours !== null}
          onChange=${(event) => save({ quietHours: event.target.checked ? USUAL : null })} />
      </label>
      ${hours &&
      html`
        <div class="settings-hours">
          ${field("start", "From")} ${field("end", "Until")}
          <label class="field">
            <span>Time zone</span>
            <select value=${hours.timeZone} onChange=${(event) => change({ timeZone: event.target.value })}>
              ${zones(hours.timeZone).map((zone) => html`<option key=${zone} value=${zone}>${zone.replaceAll("_", " ")}</option>`)}
            </select>
          </label>
        </div>
        <p class="problem" role="alert">${problem}</p>
      `}
    </section>
  `;
}

/**
 * All that the browser knows; one that was chosen elsewhere may have another name here.
 *
 * @param {string} chosen
 */
const zones = (chosen) => [...new Set([chosen, HERE, "UTC", ...Intl.supportedValuesOf("timeZone")])].sort();
