import { formatAgo } from "../client/index.js";
import { useNow } from "./now.js";
import { full } from "./times.js";
import { html } from "./view.js";

/**
 * "2m ago"; the exact time as its tooltip.
 *
 * @param {{at: string}} props
 */
export function Ago({ at }) {
  return html`<time class="ago" datetime=${at} title=${full(at)}>${formatAgo(at, useNow())}</time>`;
}
