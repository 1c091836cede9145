import { Ago } from "./ago.js";
import { CommentsSection } from "./comments-section.js";
import { usePage } from "./context.js";
import { IconButton } from "./icons.js";
import { LikeButton, SaveButton } from "./mark-buttons.js";
import { PlainText } from "./message-text.js";
import { Nothing, Page } from "./page.js";
import { PostsSection } from "./posts-section.js";
import { PersonAvatar } from "./presence-dot.js";
import { Rating } from "./rating.js";
import { StoryTags, VISIBILITIES } from "./story-looks.js";
import { Viewers } from "./viewers.js";
import { html, useEffect, useStore } from "./view.js";

/**
 * One story, what people say about it, and who else reads it.
 *
 * @param {{id: string | null, covered: boolean}} props
 */
export function StoryView({ id, covered }) {
  const { hubbub, ui } = usePage();
  const store = hubbub.story(id ?? "");
  const { status, error, story } = useStore(store);
  const back = html`<button class="button quiet" onClick=${() => ui.go("community")}>All stories</button>`;
  useEffect(() => hubbub.stories.seen(), [id]);

  return html`
    <${Page} title="Story" icon="book" covered=${covered} tools=${back}>
      ${status === "loading" && html`<div class="sheet story-skeleton" aria-hidden="true"><i class="skeleton"></i><b class="skeleton"></b><b class="skeleton"></b></div>`}
      ${status === "gone" &&
      html`<${Nothing} icon="book" title="This story is not here">
        <span>Its author may have taken it back.</span>
        <button class="button" onClick=${() => ui.go("community")}>All stories</button>
      <//>`}
      ${status === "failed" &&
      html`<${Nothing} icon="warning" title="The story could not be loaded">
        <span>${error.message}</span>
        <button class="button" onClick=${() => store.retry()}>Try again</button>
      <//>`}
      ${story &&
      html`
        <${StoryText} story=${story} />
        <${PostsSection} story=${story} />
        <${CommentsSection} type="story" id=${story.id} />
      `}
    <//>
  `;
}

/** @param {{story: import("../client/types.js").Story}} props */
function StoryText({ story }) {
  const { hubbub } = usePage();
  const mine = story.authorId === hubbub.me.id;
  return html`
    <article class="sheet story" data-visibility=${story.visibility}>
      <div class="story-by">
        <${PersonAvatar} user=${story.user} />
        <span class="story-by-lines"><strong>${story.user.name}</strong><${Ago} at=${story.publishedAt ?? story.createdAt} /></span>
        <${StoryTags} story=${story} />
        ${(mine || hubbub.moderates) && html`<${StoryMenu} story=${story} mine=${mine} />`}
      </div>
      <h2 class="story-title">${story.title}</h2>
      <div class="story-body">
        ${story.body
          ? html`<${PlainText} text=${story.body} />`
          : html`<p class="muted">Nothing written yet.</p>`}
      </div>
      <${Viewers} type="story" id=${story.id} />
      <div class="engagement">
        <${Rating} type="story" id=${story.id} />
        <div class="engagement-marks">
          <${LikeButton} type="story" id=${story.id} />
          <${SaveButton} type="story" id=${story.id} />
        </div>
      </div>
    </article>
  `;
}

/** @param {{story: import("../client/types.js").Story, mine: boolean}} props */
function StoryMenu({ story, mine }) {
  const { hubbub, ui, toasts } = usePage();
  const show = (visibility, title) =>
    hubbub.stories.setVisibility(story.id, visibility).then(() => toasts.say(`Your story is ${title.toLowerCase()} now.`, "success"), toasts.fail);
  const remove = () =>
    ui.openDialog({
      kind: "confirm",
      title: "Delete this story?",
      text: "It is gone for everyone, with its posts and comments.",
      quote: story.title,
      action: "Delete",
      act: async () => {
        await hubbub.stories.delete(story.id);
        ui.go("community");
        toasts.say("The story is deleted.");
      },
    });
  const items = [
    mine && { label: "Edit", icon: "edit", act: () => ui.openDialog({ kind: "story", story }) },
    ...VISIBILITIES.map(
      ({ value, title, icon, act }) => mine && value !== story.visibility && { label: act, icon, act: () => show(value, title) },
    ),
    { label: "Delete", icon: "trash", danger: true, act: remove },
  ].filter(Boolean);
  const open = (event) => ui.openPopup({ kind: "menu", anchor: event.currentTarget, label: "Story", items });
  return html`<${IconButton} name="more" label="Actions for this story" aria-haspopup="menu" onClick=${open} />`;
}
