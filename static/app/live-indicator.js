import { html } from "./view.js";

/**
 * How events of the community come in: at once, by asking again and again, or not now.
 *
 * @param {{community: import("../client/community.js").CommunityView}} props
 */
export function LiveIndicator({ community }) {
  const [word, look, hint] = words(community);
  return html`
    <span class="status status-${look}" role="status" data-live=${community.transport ?? "none"} title=${hint}><i></i>${word}</span>
  `;
}

/** @param {import("../client/community.js").CommunityView} community */
function words({ enabled, isConnected, transport, attempt }) {
  if (!enabled) return ["Paused", "off", "Nothing new is shown"];
  if (isConnected && transport === "polling") return ["Polling", "waiting", "There is no live connection; news comes every few seconds"];
  if (isConnected) return ["Live", "live", "News appears at once"];
  return ["Reconnecting…", "waiting", attempt > 0 ? `Attempt ${attempt}` : "News comes as soon as the connection is back"];
}
