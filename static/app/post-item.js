import { Ago } from "./ago.js";
import { usePage } from "./context.js";
import { IconButton } from "./icons.js";
import { PlainText } from "./message-text.js";
import { PersonAvatar } from "./presence-dot.js";
import { html } from "./view.js";

/** @param {{post: import("../client/types.js").Post, story: import("../client/types.js").Story}} props */
export function PostItem({ post, story }) {
  const { hubbub, ui } = usePage();
  const mine = post.authorId === hubbub.me.id;
  const remove = () =>
    ui.openDialog({
      kind: "confirm",
      title: "Delete this post?",
      text: "It is gone for everyone.",
      quote: post.title,
      action: "Delete",
      act: () => hubbub.posts(story.id).delete(post.id),
    });
  const items = [
    mine && { label: "Edit", icon: "edit", act: () => ui.openDialog({ kind: "post", story, post }) },
    { label: "Delete", icon: "trash", danger: true, act: remove },
  ].filter(Boolean);
  const menu = (event) => ui.openPopup({ kind: "menu", anchor: event.currentTarget, label: "Post", items });
  return html`
    <li class="post" data-post=${post.id}>
      <${PersonAvatar} user=${post.user} />
      <div class="comment-body">
        <div class="byline">
          <strong>${post.user.name}</strong><${Ago} at=${post.createdAt} />
          <span class="tag post-type post-${post.type}">${post.type}</span>
          ${post.status === "pending" && html`<span class="tag waiting">Waiting for review</span>`}
        </div>
        <h3>${post.title}</h3>
        ${post.body &&
        html`<${PlainText} text=${post.body} />`}
      </div>
      ${(mine || hubbub.moderates) &&
      html`<${IconButton} name="more" size=${18} label=${`Actions for the post ${post.title}`} aria-haspopup="menu" onClick=${menu} />`}
    </li>
  `;
}
