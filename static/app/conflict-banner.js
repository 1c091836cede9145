import { usePage } from "./context.js";
import { Icon } from "./icons.js";
import { html, useStore } from "./view.js";

/** The conflicts about tasks that this user wrote: moderators see everyone's, but others decide on theirs. */
export function useConflicts() {
  const { hubbub } = usePage();
  const { items } = useStore(hubbub.conflicts);
  return items.filter(({ collection, userId }) => collection === "tasks" && userId === hubbub.me.id);
}

/** Says that somebody has to decide, and leads there. */
export function ConflictBanner() {
  const { ui } = usePage();
  const { length } = useConflicts();
  if (length === 0) return null;
  return html`
    <div class="sync-banner sync-conflict" role="alert">
      <${Icon} name="split" size=${18} />
      <span class="sync-lines">
        <strong>${length === 1 ? "Somebody changed a task that you changed, too." : `Others changed ${length} tasks that you changed, too.`}</strong>
        <span>Choose what is to stay.</span>
      </span>
      <button class="button small" onClick=${() => ui.openDialog({ kind: "conflicts" })}>Compare</button>
    </div>
  `;
}

/** How many conflicts wait, beside the entry in the sidebar. */
export function ConflictBadge() {
  const { length } = useConflicts();
  return length > 0 && html`<span class="badge" aria-label=${`${length} to decide`}>${length}</span>`;
}
