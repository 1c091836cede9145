import { usePage } from "./context.js";
import { ModerationCard } from "./moderation-card.js";
import { KINDS, STATUSES } from "./moderation-looks.js";
import { counted } from "./names.js";
import { Nothing, Page } from "./page.js";
import { html, useStore } from "./view.js";

/**
 * What waits for moderators, and what was decided.
 *
 * @param {{covered: boolean}} props
 */
export function ModerationView({ covered }) {
  const { hubbub, toasts } = usePage();
  const queue = hubbub.moderation;
  const { status, error, items, filter, hasMore, loadingMore } = useStore(queue);
  const waiting = filter.status === "pending";
  return html`
    <${Page} title="Moderation" icon="shield" covered=${covered}>
      <div class="queue-filters">
        <div class="segments" role="group" aria-label="Status">
          ${Object.entries(STATUSES).map(
            ([value, label]) => html`
              <button key=${value} type="button" aria-pressed=${filter.status === value ? "true" : "false"}
                onClick=${() => queue.show({ status: value })}>${label}</button>
            `,
          )}
        </div>
        <select aria-label="Kind" value=${filter.kind ?? ""} onChange=${(event) => queue.show({ kind: event.target.value || null })}>
          <option value="">All kinds</option>
          ${Object.entries(KINDS).map(([value, { many }]) => html`<option key=${value} value=${value}>${many}</option>`)}
        </select>
      </div>
      ${status === "loading" && items.length === 0 && html`<${Skeletons} />`}
      ${status === "failed" &&
      html`<${Nothing} icon="warning" title="The queue could not be loaded">
        <span>${error.message}</span>
        <button class="button" onClick=${() => queue.retry()}>Try again</button>
      <//>`}
      ${status === "ready" &&
      items.length === 0 &&
      html`<${Nothing} icon="shield" title=${waiting ? "Nothing waits" : "Nothing here"}>
        <span>${waiting ? "What people report or upload appears here by itself." : "No decision matches."}</span>
      <//>`}
      <ol class="queue" aria-label="Queue" aria-live="polite" aria-relevant="additions">
        ${items.map((item) => html`<${ModerationCard} key=${item.id} item=${item} />`)}
      </ol>
      ${hasMore &&
      html`<button class="button wide" disabled=${loadingMore} onClick=${() => queue.loadMore().catch(toasts.fail)}>
        ${loadingMore ? "Loading…" : "Show older ones"}
      </button>`}
    <//>
  `;
}

/** How much waits, beside the way to the queue. */
export function ModerationBadge() {
  const { pendingCount } = useStore(usePage().hubbub.moderation);
  if (pendingCount === 0) return null;
  return html`
    <span class="badge mentioned" role="img" aria-label=${counted(pendingCount, "thing waits", "things wait")}>
      ${pendingCount > 99 ? "99+" : pendingCount}
    </span>
  `;
}

const Skeletons = () => html`
  <div class="queue" aria-hidden="true">${[0, 1].map((key) => html`<div key=${key} class="sheet story-skeleton"><i class="skeleton"></i><b class="skeleton"></b></div>`)}</div>
`;
