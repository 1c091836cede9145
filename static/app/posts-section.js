import { formatTyping } from "../client/index.js";
import { usePage } from "./context.js";
import { Icon } from "./icons.js";
import { Nothing } from "./page.js";
import { PostItem } from "./post-item.js";
import { TypingWords } from "./typing-line.js";
import { html, useStore } from "./view.js";

/**
 * Discussions, reviews, questions and announcements about a story.
 *
 * @param {{story: import("../client/types.js").Story}} props
 */
export function PostsSection({ story }) {
  const { hubbub, ui, toasts } = usePage();
  const posts = hubbub.posts(story.id);
  const { status, error, items, hasMore, loadingMore } = useStore(posts);
  const { typing } = useStore(hubbub.community);
  const { viewers } = useStore(hubbub.viewers("story", story.id));
  // Who writes a post is told of the whole community: here of those who look at this story.
  const writing = typing.filter(({ id }) => viewers.some((viewer) => viewer.id === id));

  return html`
    <section class="sheet posts" aria-labelledby="posts-title">
      <header class="sheet-head">
        <h2 id="posts-title">Posts</h2>
        <button class="button small" onClick=${() => ui.openDialog({ kind: "post", story })}><${Icon} name="plus" size=${18} />Write a post</button>
      </header>
      <${TypingWords} words=${formatTyping(writing, "writing a post")} />
      ${status === "loading" && items.length === 0 && html`<div class="skeleton row-skeleton" aria-hidden="true"></div>`}
      ${status === "failed" &&
      html`<${Nothing} icon="warning" title="The posts could not be loaded">
        <span>${error.message}</span>
        <button class="button" onClick=${() => posts.retry()}>Try again</button>
      <//>`}
      ${status === "ready" &&
      items.length === 0 &&
      html`<${Nothing} icon="speech" title="No posts yet"><span>Ask something, review it, or start a discussion.</span><//>`}
      <ol class="post-list" aria-label="Posts" aria-live="polite" aria-relevant="additions">
        ${items.map((post) => html`<${PostItem} key=${post.id} post=${post} story=${story} />`)}
      </ol>
      ${hasMore &&
      html`<button class="button small wide" disabled=${loadingMore} onClick=${() => posts.loadMore().catch(toasts.fail)}>
        ${loadingMore ? "Loading…" : "Show older posts"}
      </button>`}
    </section>
  `;
}
