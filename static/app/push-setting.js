import { usePage } from "./context.js";
import { Problem } from "./dialog.js";
import { html, useEffect, useState, useStore } from "./view.js";

const WORDS = {
  unknown: "Looking…",
  unsupported: "This browser, or a page that did not come over HTTPS, cannot receive push messages.",
  denied: "You have blocked notifications of this site. Your browser's settings for the site can allow them again.",
  off: "Be notified while this page is closed.",
  on: "This device is notified while you are away.",
};

/** Push on this device: what it is, and the way to turn it on or off. */
export function PushSetting() {
  const { push } = usePage().hubbub;
  const { status, busy } = useStore(push);
  const [error, setError] = useState(null);

  useEffect(() => void push.refresh().catch(setError), []);

  const turn = async (event) => {
    const field = event.target;
    setError(null);
    await (field.checked ? push.enable() : push.disable()).catch(setError);
    // Whatever became of it, the switch shows how things stand.
    field.checked = push.getSnapshot().status === "on";
  };
  return html`
    <section class="settings-section" aria-label="Push on this device">
      <label class="settings-switch">
        <span>
          <h3>Push on this device</h3>
          <span class="muted small" data-push=${status}>${WORDS[status]}</span>
        </span>
        <input type="checkbox" role="switch" checked=${status === "on"} disabled=${busy || !["on", "off"].includes(status)}
          onChange=${turn} />
      </label>
      <${Problem} error=${error} />
    </section>
  `;
}
