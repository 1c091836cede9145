import { usePage } from "./context.js";
import { Dialog, Problem } from "./dialog.js";
import { Icon } from "./icons.js";
import { roomTitle } from "./names.js";
import { TYPES } from "./notification-looks.js";
import { PushSetting } from "./push-setting.js";
import { QuietHours } from "./quiet-hours.js";
import { html, useEffect, useState, useStore } from "./view.js";

/**
 * What the user wants to be notified of. Each change is stored at once.
 *
 * @param {{close: () => void}} props
 */
export function NotificationSettings({ close }) {
  const { hubbub } = usePage();
  const { preferences } = useStore(hubbub.preferences);
  const [error, setError] = useState(null);

  useEffect(() => void hubbub.preferences.load().catch(setError), []);

  const save = (changes) => {
    setError(null);
    hubbub.preferences.save(changes).catch(setError);
  };
  return html`
    <${Dialog} title="Notification settings" close=${close} class="settings">
      <${Problem} error=${error} />
      ${!preferences && !error && html`<div class="dialog-wait"><span class="spinner"></span></div>`}
      ${preferences &&
      html`
        <${Types} types=${preferences.types} save=${save} />
        <${PushSetting} />
        <${QuietHours} hours=${preferences.quietHours} save=${save} />
        <${MutedRooms} ids=${preferences.mutedRooms} save=${save} />
      `}
    <//>
  `;
}

/** @param {{types: import("../client/types.js").NotificationPreferences["types"], save: (changes: object) => void}} props */
function Types({ types, save }) {
  return html`
    <table class="settings-types">
      <caption class="hidden">By which ways notifications of each type come</caption>
      <thead>
        <tr><th scope="col">Type</th><th scope="col">In app</th><th scope="col">Push</th></tr>
      </thead>
      <tbody>
        ${Object.entries(TYPES).map(
          ([type, { label, icon }]) => html`
            <tr key=${type}>
              <th scope="row"><${Icon} name=${icon} size=${18} />${label}</th>
              ${Object.entries(WAYS).map(
                ([way, name]) => html`
                  <td key=${way}>
                    <input
                      type="checkbox"
                      aria-label=${`${label}: ${name}`}
                      checked=${types[type]?.[way] ?? true}
                      onChange=${(event) => save({ types: { [type]: { [way]: event.target.checked } } })}
                    />
                  </td>
                `,
              )}
            </tr>
          `,
        )}
      </tbody>
    </table>
  `;
}

const WAYS = { inApp: "in app", push: "push" };

/** @param {{ids: string[], save: (changes: object) => void}} props */
function MutedRooms({ ids, save }) {
  const { hubbub } = usePage();
  const named = ids.map((id) => {
    const room = hubbub.chat.room(id);
    return { id, name: room ? roomTitle(room.getSnapshot().summary, hubbub.me) : "A room that you left" };
  });
  return html`
    <section class="settings-section" aria-label="Muted rooms">
      <h3>Muted rooms</h3>
      ${ids.length === 0 && html`<p class="muted small">None. A room is muted in its menu.</p>`}
      <ul class="settings-rooms">
        ${named.map(
          ({ id, name }) => html`
            <li key=${id}>
              <span>${name}</span>
              <button class="button small" onClick=${() => save({ mutedRooms: ids.filter((each) => each !== id) })}>Unmute</button>
            </li>
          `,
        )}
      </ul>
    </section>
  `;
}
