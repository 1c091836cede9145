import { Ago } from "./ago.js";
import { PersonAvatar } from "./presence-dot.js";
import { StoryTags } from "./story-looks.js";
import { html, memo } from "./view.js";

const EXCERPT = 320;

/** A story in the feed. */
export const StoryCard = memo(
  /** @param {{story: import("../client/types.js").Story, fresh: boolean}} props `fresh`: it has come since the reader is here */
  ({ story, fresh }) => html`
    <li class="sheet story-card ${fresh ? "fresh" : ""}" data-story=${story.id}>
      <div class="story-by">
        <${PersonAvatar} user=${story.user} />
        <span class="story-by-lines"><strong>${story.user.name}</strong><${Ago} at=${story.publishedAt ?? story.createdAt} /></span>
        ${fresh && html`<span class="new-badge">NEW</span>`}
        <${StoryTags} story=${story} />
      </div>
      <h2><a href=${`#/stories/${encodeURIComponent(story.id)}`}>${story.title}</a></h2>
      ${story.body && html`<p class="story-excerpt">${story.body.slice(0, EXCERPT)}</p>`}
    </li>
  `,
);
