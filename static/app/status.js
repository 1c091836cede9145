import { usePage } from "./context.js";
import { html, useStore } from "./view.js";

const WORDS = {
  connecting: ["Connecting…", "waiting"],
  live: ["Live", "live"],
  reconnecting: ["Reconnecting…", "waiting"],
  offline: ["Offline", "off"],
  refused: ["Signed out", "off"],
  closed: ["Offline", "off"],
};

/** Whether what is on the screen is what everyone else sees now. */
export function Status() {
  const { status } = useStore(usePage().hubbub.connection);
  const [word, look] = WORDS[status];
  return html`<span class="status status-${look}" role="status" data-status=${status}><i></i>${word}</span>`;
}
