import { formatTyping, threads } from "../client/index.js";
import { CommentThread, PendingComment } from "./comment-thread.js";
import { usePage } from "./context.js";
import { Nothing } from "./page.js";
import { TypingWords } from "./typing-line.js";
import { html, useMemo, useState, useStore } from "./view.js";
import { Writer } from "./writer.js";

/**
 * What people say about something, and where one says it.
 *
 * @param {{type: string, id: string}} props
 */
export function CommentsSection({ type, id }) {
  const { hubbub, toasts } = usePage();
  const { comments } = hubbub.entity(type, id);
  const { status, error, items, pending, count, typing, hasMore, loadingMore } = useStore(comments);
  const [answering, setAnswering] = useState(null);
  const conversations = useMemo(() => threads(items), [items]);
  const known = useMemo(() => new Set(items.map((comment) => comment.id)), [items]);
  const send = (text, parentId) => {
    comments.send(text, parentId);
    setAnswering(null);
  };
  // An answer on its way stands with what it answers, if that is in memory.
  const unplaced = pending.filter(({ replyToId }) => !known.has(replyToId)).toReversed();
  const shared = { comments, pending, answering, onAnswer: setAnswering, onSend: send };

  return html`
    <section class="sheet comments" aria-labelledby="comments-title">
      <header class="sheet-head">
        <h2 id="comments-title">Comments <span class="count" data-count="comments">${count}</span></h2>
      </header>
      <${Writer} label="Write a comment" action="Comment" typing=${comments.typing} onSend=${(text) => send(text, null)} />
      <${TypingWords} words=${formatTyping(typing)} />
      ${status === "loading" && items.length === 0 && html`<${Skeletons} />`}
      ${status === "failed" &&
      html`<${Nothing} icon="warning" title="The comments could not be loaded">
        <span>${error.message}</span>
        <button class="button" onClick=${() => comments.retry()}>Try again</button>
      <//>`}
      ${status === "ready" &&
      items.length + pending.length === 0 &&
      html`<${Nothing} icon="speech" title="No comments yet"><span>Say what you think.</span><//>`}
      <ol class="threads" aria-label="Comments" aria-live="polite" aria-relevant="additions">
        ${unplaced.map((item) => html`<${PendingComment} key=${item.clientId} item=${item} outbox=${comments.outbox} />`)}
        ${conversations.map(
          (thread) => html`<${CommentThread} key=${thread.comment.id} thread=${thread} depth=${0} ...${shared} />`,
        )}
      </ol>
      ${hasMore &&
      html`<button class="button small wide" disabled=${loadingMore} onClick=${() => comments.loadMore().catch(toasts.fail)}>
        ${loadingMore ? "Loading…" : "Show older comments"}
      </button>`}
    </section>
  `;
}

const Skeletons = () => html`
  <div aria-hidden="true">
    ${[0, 1].map((key) => html`<div key=${key} class="skeleton message-skeleton"><i></i><b></b></div>`)}
  </div>
`;
