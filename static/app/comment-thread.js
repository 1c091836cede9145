import { Ago } from "./ago.js";
import { Avatar } from "./avatar.js";
import { usePage } from "./context.js";
import { Icon, IconButton } from "./icons.js";
import { PlainText } from "./message-text.js";
import { PersonAvatar } from "./presence-dot.js";
import { html, useRef, useState } from "./view.js";
import { useFocusBack, Writer } from "./writer.js";

/** Answers are set in so far; deeper ones stand below one another. */
const INDENTED = 4;

/**
 * @typedef {import("../client/types.js").Comment} Comment
 *
 * @typedef {object} Shared                  what a thread hands on to its answers
 * @property {import("../client/comments.js").Comments} comments
 * @property {readonly import("../client/types.js").Pending[]} pending
 * @property {string | null} answering       id of the comment that is being answered
 * @property {(commentId: string | null) => void} onAnswer
 * @property {(text: string, parentId: string) => void} onSend
 */

/**
 * A comment with its answers.
 *
 * @param {{thread: import("../client/comments.js").Thread, depth: number} & Shared} props
 */
export function CommentThread({ thread, depth, ...shared }) {
  const { comment, answers } = thread;
  const { comments, pending, answering, onAnswer, onSend } = shared;
  const own = pending.filter(({ replyToId }) => replyToId === comment.id);
  const place = useRef(null);
  useFocusBack(answering === comment.id, place, "[data-answer]");
  return html`
    <li ref=${place} class="thread ${depth >= INDENTED ? "deep" : ""}">
      <${CommentItem} comment=${comment} comments=${comments} onAnswer=${() => onAnswer(comment.id)} />
      ${answering === comment.id &&
      html`<div class="thread-answer">
        <${Writer} label=${`Answer ${comment.user.name}`} action="Answer" typing=${comments.typing}
          onSend=${(text) => onSend(text, comment.id)} onCancel=${() => onAnswer(null)} />
      </div>`}
      ${answers.length + own.length > 0 &&
      html`<ol class="threads answers" aria-label=${`Answers to ${comment.user.name}`}>
        ${answers.map(
          (answer) => html`<${CommentThread} key=${answer.comment.id} thread=${answer} depth=${depth + 1} ...${shared} />`,
        )}
        ${own.map((item) => html`<${PendingComment} key=${item.clientId} item=${item} outbox=${comments.outbox} />`)}
      </ol>`}
    </li>
  `;
}

/** @param {{comment: Comment, comments: import("../client/comments.js").Comments, onAnswer: () => void}} props */
function CommentItem({ comment, comments, onAnswer }) {
  const { hubbub, ui, toasts } = usePage();
  const [editing, setEditing] = useState(false);
  const place = useRef(null);
  useFocusBack(editing, place, "[aria-haspopup]");
  const { user, body, createdAt, editedAt, status } = comment;
  const mine = user.id === hubbub.me.id;
  const save = (text) => {
    setEditing(false);
    comments.edit(comment.id, text).catch(toasts.fail);
  };
  return html`
    <article ref=${place} class="comment" data-comment=${comment.id} aria-label=${`Comment of ${user.name}`}>
      <${PersonAvatar} user=${user} />
      <div class="comment-body">
        <div class="byline">
          <strong>${user.name}</strong><${Ago} at=${createdAt} />
          ${status === "pending" && html`<span class="tag waiting">Waiting for review</span>`}
        </div>
        ${editing
          ? html`<${Writer} label="Edit your comment" action="Save" text=${body} onSend=${save} onCancel=${() => setEditing(false)} />`
          : html`<${PlainText} text=${body} edited=${editedAt} />`}
        ${!editing &&
        html`<div class="comment-actions">
          ${status === "approved" &&
          html`<button type="button" class="button quiet small" data-answer onClick=${onAnswer}><${Icon} name="reply" size=${16} />Answer</button>`}
          <${IconButton} name="more" size=${18} label=${`Actions for the comment of ${user.name}`} aria-haspopup="menu"
            onClick=${(event) =>
              ui.openPopup({
                kind: "menu",
                anchor: event.currentTarget,
                label: "Comment",
                items: actionsOf({ comment, comments, mine, onEdit: () => setEditing(true), page: { hubbub, ui, toasts } }),
              })} />
        </div>`}
      </div>
    </article>
  `;
}

/**
 * @param {object} options
 * @param {Comment} options.comment
 * @param {import("../client/comments.js").Comments} options.comments
 * @param {boolean} options.mine
 * @param {() => void} options.onEdit
 * @param {Pick<import("./context.js").Page, "hubbub" | "ui" | "toasts">} options.page
 * @returns {import("./menu.js").MenuItem[]}
 */
function actionsOf({ comment, comments, mine, onEdit, page: { hubbub, ui, toasts } }) {
  const remove = () =>
    ui.openDialog({
      kind: "confirm",
      title: "Delete this comment?",
      text: mine ? "It is gone for everyone." : `It is gone for everyone, and ${comment.user.name} is told.`,
      quote: comment.body,
      action: "Delete",
      act: () => comments.delete(comment.id),
    });
  const flag = () =>
    ui.openDialog({
      kind: "reason",
      title: "Report this comment",
      text: "Moderators will look at it. Nobody else learns that it was you.",
      quote: comment.body,
      action: "Report",
      act: async (reason) => {
        await comments.flag(comment.id, reason);
        toasts.say("Thank you. A moderator will look at it.", "success");
      },
    });
  return [
    mine && { label: "Edit", icon: "edit", act: onEdit },
    !mine && { label: "Report", icon: "flag", act: flag },
    (mine || hubbub.moderates) && { label: "Delete", icon: "trash", danger: true, act: remove },
  ].filter(Boolean);
}

/**
 * One's own comment on its way.
 *
 * @param {{item: import("../client/types.js").Pending, outbox: import("../client/outbox.js").Outbox}} props
 */
export function PendingComment({ item, outbox }) {
  const { hubbub } = usePage();
  const failed = item.status === "failed";
  return html`
    <li class="thread">
      <div class="comment pending ${failed ? "failed" : ""}" data-pending=${item.status}>
        <${Avatar} user=${hubbub.me} />
        <div class="comment-body">
          <div class="byline">
            <strong>${hubbub.me.name}</strong>
            <span class="message-state">${failed ? "Not sent" : item.status === "waiting" ? "Waiting…" : "Sending…"}</span>
          </div>
          <div class="message-text">${item.message}</div>
          ${failed &&
          html`<div class="comment-actions">
            <span class="problem" role="alert">${item.error?.message}</span>
            <button type="button" class="button small" onClick=${() => outbox.retry(item.clientId)}>Try again</button>
            <button type="button" class="button small" onClick=${() => outbox.remove(item.clientId)}>Discard</button>
          </div>`}
        </div>
      </div>
    </li>
  `;
}
