import { initials, list } from "./names.js";
import { html } from "./view.js";

const SHOWN = 4;

/**
 * The others in a document, each in the colour of their cursor.
 *
 * @param {{people: import("../client/types.js").Collaborator[]}} props
 */
export function Collaborators({ people }) {
  const hidden = people.length - SHOWN;
  const label = people.length > 0 ? `${list(people.map(({ name }) => name))} ${people.length === 1 ? "is" : "are"} here too` : "";
  return html`
    <ul class="collaborators" aria-label=${label || undefined}>
      ${people.slice(0, SHOWN).map(
        ({ userId, name, color }) => html`
          <li key=${userId} class="collaborator" style=${`--color: ${color}`} title=${name} data-user=${userId}>
            <span aria-hidden="true">${initials(name)}</span><span class="hidden">${name}</span>
          </li>
        `,
      )}
      ${hidden > 0 && html`<li class="collaborator more" title=${list(people.slice(SHOWN).map(({ name }) => name))}>+${hidden}</li>`}
    </ul>
  `;
}
