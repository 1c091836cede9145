import { formatAgo } from "../client/index.js";
import { usePage } from "./context.js";
import { Icon, IconButton } from "./icons.js";
import { useNow } from "./now.js";
import { Nothing, Page } from "./page.js";
import { tripOf } from "./trips.js";
import { html, useStore } from "./view.js";

/**
 * What the user has saved for later.
 *
 * @param {{covered: boolean}} props
 */
export function SavedView({ covered }) {
  const { hubbub, toasts } = usePage();
  const { status, error, items, hasMore, loadingMore } = useStore(hubbub.saved);
  return html`
    <${Page} title="Saved" icon="bookmark" covered=${covered}>
      ${status === "loading" && items.length === 0 && html`<${Skeletons} />`}
      ${status === "failed" &&
      html`<${Nothing} icon="warning" title="Your list could not be loaded">
        <span>${error.message}</span>
        <button class="button" onClick=${() => hubbub.saved.retry()}>Try again</button>
      <//>`}
      ${status === "ready" &&
      items.length === 0 &&
      html`<${Nothing} icon="bookmark" title="Nothing saved yet">
        <span>Press Save at a trip or a story, and you find it here again. Only you see this list.</span>
      <//>`}
      <ul class="saved">
        ${items.map((save) => html`<${SavedItem} key=${save.id} save=${save} />`)}
      </ul>
      ${hasMore &&
      html`<button class="button wide" disabled=${loadingMore} onClick=${() => hubbub.saved.loadMore().catch(toasts.fail)}>
        ${loadingMore ? "Loading…" : "Show more"}
      </button>`}
    <//>
  `;
}

const KINDS = {
  trip: { icon: "pin", page: "trips", Name: TripName },
  story: { icon: "book", page: "stories", Name: StoryName },
};

/** @param {{save: import("../client/saved.js").Save}} props */
function SavedItem({ save }) {
  const { hubbub, ui, toasts } = usePage();
  const now = useNow();
  const kind = KINDS[save.entityType];
  const unsave = () => hubbub.saved.unsave(save).then(() => toasts.say("Unsaved!"), toasts.fail);
  return html`
    <li class="saved-item">
      <button class="saved-open" disabled=${!kind} onClick=${() => ui.go(kind.page, save.entityId)}>
        <span class="room-icon"><${Icon} name=${kind?.icon ?? "bookmark"} size=${18} /></span>
        <span class="room-lines">
          <span class="room-name">
            ${kind ? html`<${kind.Name} id=${save.entityId} />` : `${save.entityType} ${save.entityId}`}
          </span>
          <span class="room-last">Saved ${formatAgo(save.createdAt, now)}</span>
        </span>
      </button>
      <${IconButton} name="close" size=${18} label="Remove from saved" onClick=${unsave} />
    </li>
  `;
}

/** @param {{id: string}} props */
function TripName({ id }) {
  return tripOf(id)?.title ?? `Trip ${id}`;
}

/** @param {{id: string}} props */
function StoryName({ id }) {
  const { status, story } = useStore(usePage().hubbub.story(id));
  if (status === "gone") return "A story that is no longer here";
  return story?.title ?? "…";
}

const Skeletons = () => html`
  <div aria-hidden="true">${[0, 1, 2].map((key) => html`<div key=${key} class="skeleton row-skeleton"></div>`)}</div>
`;
