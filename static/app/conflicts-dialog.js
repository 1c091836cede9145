import { usePage } from "./context.js";
import { same } from "../client/index.js";
import { useConflicts } from "./conflict-banner.js";
import { Dialog, Problem, useSubmit } from "./dialog.js";
import { FIELDS } from "./task-looks.js";
import { html, useEffect, useState } from "./view.js";

/**
 * The conflicts about tasks, one after the other: what both sides made of each field, side by side.
 *
 * @param {{close: () => void}} props
 */
export function ConflictsDialog({ close }) {
  const conflicts = useConflicts();
  const [first] = conflicts;
  const [total] = useState(conflicts.length);
  useEffect(() => {
    if (!first) close();
  }, [first]);
  if (!first) return null;
  const at = Math.max(1, total - conflicts.length + 1);
  const title = total > 1 ? `Two versions of a task (${at} of ${Math.max(total, at)})` : "Two versions of a task";
  return html`<${Dialog} title=${title} close=${close} class="conflicts"><${Decision} key=${first.id} conflict=${first} close=${close} /><//>`;
}

/** @param {{conflict: import("../client/types.js").Conflict, close: () => void}} props */
function Decision({ conflict, close }) {
  const { hubbub, toasts } = usePage();
  const { local, remote, base } = conflict;
  const fields = FIELDS.filter(({ name }) => !same(local?.[name] ?? null, remote?.[name] ?? null));
  const [chosen, setChosen] = useState(() => Object.fromEntries(fields.map(({ name }) => [name, begin(name, local, remote, base)])));
  const choose = (side) => setChosen(Object.fromEntries(fields.map(({ name }) => [name, side])));
  const side = ["local", "remote"].find((each) => fields.every(({ name }) => chosen[name] === each));
  const { busy, error, submit } = useSubmit(async () => {
    await hubbub.conflicts.resolve(conflict.id, side ?? "custom", side ? undefined : mixed(local, remote, chosen));
    toasts.say("Settled. Everybody sees the same now.", "success");
  });

  if (!local || !remote) return html`<${Deleted} conflict=${conflict} close=${close} />`;
  return html`
    <form onSubmit=${submit}>
      <p class="muted">While you were away, somebody else changed <strong>${remote.title}</strong>. Choose for each field what is to stay.</p>
      <div class="versus" role="group" aria-label="Both versions">
        <div class="versus-head">
          <span></span>
          <button type="button" class="button small" aria-pressed=${side === "local"} onClick=${() => choose("local")}>All mine</button>
          <button type="button" class="button small" aria-pressed=${side === "remote"} onClick=${() => choose("remote")}>All theirs</button>
        </div>
        ${fields.map(
          ({ name, label, show }) => html`
            <fieldset key=${name} class="versus-row">
              <legend>${label}</legend>
              ${[["local", "Mine", local], ["remote", "Theirs", remote]].map(
                ([key, whose, data]) => html`
                  <label key=${key} class="versus-side">
                    <input type="radio" name=${name} value=${key} checked=${chosen[name] === key}
                      onChange=${() => setChosen({ ...chosen, [name]: key })} />
                    <span class="versus-whose">${whose}</span>
                    <span class="versus-value">${show(data[name]) || html`<em>Nothing</em>`}</span>
                  </label>
                `,
              )}
            </fieldset>
          `,
        )}
      </div>
      <${Problem} error=${error} />
      <div class="dialog-actions">
        <button type="button" class="button" onClick=${close}>Decide later</button>
        <button class="button primary" data-first disabled=${busy}>${side === "local" ? "Keep mine" : side === "remote" ? "Keep theirs" : "Keep this mix"}</button>
      </div>
    </form>
  `;
}

/**
 * One of the two deleted the task.
 *
 * @param {{conflict: import("../client/types.js").Conflict, close: () => void}} props
 */
function Deleted({ conflict, close }) {
  const { hubbub } = usePage();
  const { local, remote } = conflict;
  const { busy, error, submit } = useSubmit(() => hubbub.conflicts.resolve(conflict.id, local ? "local" : "remote"));
  const { error: refused, submit: drop } = useSubmit(() => hubbub.conflicts.resolve(conflict.id, local ? "remote" : "local"));
  const title = (local ?? remote)?.title;
  return html`
    <form onSubmit=${submit}>
      <p>
        ${local ? html`Somebody deleted <strong>${title}</strong> while you changed it.` : html`You deleted <strong>${title}</strong> while somebody changed it.`}
      </p>
      <${Problem} error=${error ?? refused} />
      <div class="dialog-actions">
        <button type="button" class="button first" onClick=${close}>Decide later</button>
        <button type="button" class="button danger-text" onClick=${drop}>Let it be deleted</button>
        <button class="button primary" data-first disabled=${busy}>Keep the task</button>
      </div>
    </form>
  `;
}

/** Of a field that one side changed, that side; of one that both did, one's own. */
function begin(name, local, remote, base) {
  return base && same(local?.[name] ?? null, base[name] ?? null) ? "remote" : "local";
}

function mixed(local, remote, chosen) {
  const sides = { local, remote };
  const data = { ...remote };
  for (const [name, side] of Object.entries(chosen)) {
    if (sides[side][name] === undefined) delete data[name];
    else data[name] = sides[side][name];
  }
  return data;
}
