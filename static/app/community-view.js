import { formatTyping } from "../client/index.js";
import { useCommunityEvents } from "./community-events.js";
import { usePage } from "./context.js";
import { Icon } from "./icons.js";
import { LiveIndicator } from "./live-indicator.js";
import { NewsBanner } from "./news-banner.js";
import { Nothing, Page } from "./page.js";
import { StoryCard } from "./story-card.js";
import { TypingWords } from "./typing-line.js";
import { html, useLayoutEffect, useRef, useState, useStore } from "./view.js";

/**
 * The stories of all, as they appear.
 *
 * @param {{covered: boolean}} props
 */
export function CommunityView({ covered }) {
  const { hubbub, ui, toasts } = usePage();
  const { status, error, items, waiting, fresh, hasMore, loadingMore } = useStore(hubbub.stories);
  const [arriving, setArriving] = useState(null);
  const feed = useRef(null);
  const me = hubbub.me.id;
  const read = (storyId) => ui.go("stories", storyId);

  const community = useCommunityEvents(
    {
      "story:published": ({ storyId, title, authorId }) => {
        if (authorId !== me) toasts.show({ topic: "story", level: "info", text: `New story: ${title}`, action: { label: "Read", act: () => read(storyId) } });
      },
      "post:created": ({ storyId, title, authorId }) => {
        const story = items.find(({ id }) => id === storyId);
        if (authorId === me || story?.authorId !== me) return;
        toasts.show({ topic: "post", level: "info", title, text: `A new post in ${story.title}`, action: { label: "View", act: () => read(storyId) } });
      },
    },
    { autoRevalidate: false },
  );

  const viewNow = async () => {
    const ids = waiting.map(({ storyId }) => storyId);
    try {
      await hubbub.stories.showWaiting();
    } catch (failure) {
      return toasts.fail(failure);
    }
    setArriving(ids);
  };
  useLayoutEffect(() => {
    if (!arriving) return;
    const first = items.find(({ id }) => arriving.includes(id));
    const card = first && feed.current.querySelector(`[data-story="${CSS.escape(first.id)}"]`);
    card?.scrollIntoView({ behavior: "smooth", block: "center" });
    card?.querySelector("a").focus({ preventScroll: true });
    setArriving(null);
  }, [arriving]);

  const write = () => ui.openDialog({ kind: "story" });
  return html`
    <${Page} title="Community" icon="book" covered=${covered} class="community"
      tools=${html`<div class="wide-only"><${TypingWords} words=${formatTyping(community.typing, "writing a post")} /></div>
        <${LiveIndicator} community=${community} />
        <button class="button primary write-story" onClick=${write}><${Icon} name="plus" size=${18} /><span>Write a story</span></button>`}>
      <${NewsBanner} count=${waiting.length} onView=${viewNow} />
      ${!community.isConnected && community.error && html`<${Trouble} community=${community} />`}
      ${status === "loading" && items.length === 0 && html`<${Skeletons} />`}
      ${status === "failed" &&
      html`<${Nothing} icon="warning" title="The stories could not be loaded">
        <span>${error.message}</span>
        <button class="button" onClick=${() => hubbub.stories.retry()}>Try again</button>
      <//>`}
      ${status === "ready" &&
      items.length === 0 &&
      html`<${Nothing} icon="book" title="No stories yet">
        <span>Tell of a journey, a place, or something you made up.</span>
        <button class="button primary" onClick=${write}>Write the first one</button>
      <//>`}
      <ul class="feed" ref=${feed} aria-label="Stories">
        ${items.map((story) => html`<${StoryCard} key=${story.id} story=${story} fresh=${fresh.includes(story.id)} />`)}
      </ul>
      ${hasMore &&
      html`<button class="button wide" disabled=${loadingMore} onClick=${() => hubbub.stories.loadMore().catch(toasts.fail)}>
        ${loadingMore ? "Loading…" : "Show older stories"}
      </button>`}
    <//>
  `;
}

/** @param {{community: ReturnType<typeof useCommunityEvents>}} props */
const Trouble = ({ community }) => html`
  <div class="trouble" role="status">
    <${Icon} name="warning" size=${18} />
    <span>News does not come in at the moment. ${community.error.message}</span>
    <button class="button small" onClick=${community.reconnect}>Try now</button>
  </div>
`;

const Skeletons = () => html`
  <div class="feed" aria-hidden="true">
    ${[0, 1, 2].map((key) => html`<div key=${key} class="sheet story-skeleton"><i class="skeleton"></i><b class="skeleton"></b><b class="skeleton"></b></div>`)}
  </div>
`;
