import { usePage } from "./context.js";
import { Icon } from "./icons.js";
import { counted } from "./names.js";
import { html, useEffect, useState, useStore } from "./view.js";

const SAVED_SHOWN_MS = 3_000;

/** Whether what is changed here reaches the others: told while there is no connection, and while it catches up. */
export function SyncBanner() {
  const { hubbub } = usePage();
  const { status } = useStore(hubbub.connection);
  const { pending, failed } = useStore(hubbub.sync);
  const live = status === "live";
  const [behind, setBehind] = useState(false);

  useEffect(() => {
    if (!live) return setBehind(true);
    if (!behind || pending > 0) return;
    const timer = setTimeout(() => setBehind(false), SAVED_SHOWN_MS);
    return () => clearTimeout(timer);
  }, [live, behind, pending]);

  let banner = null;
  if (!live && status !== "connecting") {
    const kept = pending === 0 ? "What you change is kept here and sent when you are back." : `${counted(pending, "change")} kept here, sent when you are back.`;
    banner = { look: "off", icon: "offline", title: "You are offline.", text: kept };
  } else if (live && behind && pending > 0) {
    banner = { look: "waiting", icon: "clock", title: "Catching up.", text: `Sending ${counted(pending, "change")}…` };
  } else if (live && behind && failed > 0) {
    banner = { look: "waiting", icon: "warning", title: "You are back.", text: `${counted(failed, "change")} could not be saved.` };
  } else if (live && behind) {
    banner = { look: "live", icon: "check", title: "You are back.", text: "All your changes are sent." };
  }
  return html`
    <div class="sync-banner-place" role="status">
      ${banner &&
      html`<div class="sync-banner sync-${banner.look}"><${Icon} name=${banner.icon} size=${18} /><strong>${banner.title}</strong><span>${banner.text}</span></div>`}
    </div>
  `;
}
