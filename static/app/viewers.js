import { formatViewers } from "../client/index.js";
import { Avatar } from "./avatar.js";
import { usePage } from "./context.js";
import { list } from "./names.js";
import { html, useStore } from "./view.js";

/**
 * "3 people viewing this trip", with the first five of them. Showing it makes its user one of them.
 *
 * @param {{type: string, id: string}} props
 */
export function Viewers({ type, id }) {
  const { count, viewers } = useStore(usePage().hubbub.viewers(type, id));
  const more = count - viewers.length;
  const names = list([...viewers.map(({ name }) => name), ...(more > 0 ? [`${more} more`] : [])]);
  return html`
    <div class="viewers" role="status" aria-label="Viewers">
      <span class="viewers-avatars" title=${names}>
        ${viewers.map((user) => html`<${Avatar} key=${user.id} user=${user} size="sm" />`)}
        ${more > 0 && html`<span class="avatar avatar-sm viewers-more" aria-hidden="true">+${more}</span>`}
      </span>
      <span class="viewers-words">${formatViewers(count, type)}</span>
      ${count > 0 && html`<span class="hidden">: ${names}</span>`}
    </div>
  `;
}
