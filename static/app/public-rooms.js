import { usePage } from "./context.js";
import { Problem } from "./dialog.js";
import { Icon } from "./icons.js";
import { counted } from "./names.js";
import { html, useEffect, useState } from "./view.js";

/**
 * The public rooms, to look into.
 *
 * @param {{wanted?: string}} props words that a room's name or description should hold
 */
export function PublicRooms({ wanted = "" }) {
  const { hubbub, ui } = usePage();
  const [rooms, setRooms] = useState(null);
  const [error, setError] = useState(null);

  useEffect(() => void hubbub.chat.publicRooms().then(setRooms, setError), []);

  if (error) return html`<${Problem} error=${error} />`;
  if (!rooms) return html`<div class="dialog-wait"><span class="spinner"></span></div>`;
  const sought = wanted.trim().toLocaleLowerCase();
  const matching = rooms
    .map((room) => room.getSnapshot().summary)
    .filter(({ room }) => room.isActive && `${room.name} ${room.description ?? ""}`.toLocaleLowerCase().includes(sought));
  if (matching.length === 0) return html`<p class="dialog-empty">No public room ${sought ? "like this" : "yet"}.</p>`;
  return html`
    <ul class="results">
      ${matching.map(
        ({ room, role }) => html`
          <li key=${room.id}>
            <button class="result" onClick=${() => ui.show(room.id)}>
              <span class="room-icon"><${Icon} name="hash" size=${18} /></span>
              <span class="result-lines">
                <strong>${room.name}</strong>
                <span class="muted">${counted(room.memberCount, "member")}${room.description && ` · ${room.description}`}</span>
              </span>
              ${role && html`<span class="tag">Joined</span>`}
            </button>
          </li>
        `,
      )}
    </ul>
  `;
}
