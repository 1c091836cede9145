import { usePage } from "./context.js";
import { Dialog, Problem, useSubmit } from "./dialog.js";
import { POST_TYPES } from "./story-looks.js";
import { html, useEffect, useState } from "./view.js";

const TITLE_LENGTH = 200;
const BODY_LENGTH = 20_000;

/**
 * Where a post about a story is written, or changed.
 *
 * @param {object} props
 * @param {import("../client/types.js").Story} props.story
 * @param {import("../client/types.js").Post} [props.post] without it a new one
 * @param {() => void} props.close
 */
export function PostEditor({ story, post, close }) {
  const { hubbub, toasts } = usePage();
  const [title, setTitle] = useState(post?.title ?? "");
  const [body, setBody] = useState(post?.body ?? "");
  const [type, setType] = useState(post?.type ?? "discussion");
  const types = POST_TYPES.filter(({ value }) => value !== "announcement" || story.authorId === hubbub.me.id);
  // Everyone hears who is writing; of a story that not everyone can read nothing is told.
  const typing = story.visibility === "private" || post ? null : hubbub.community.typing;
  useEffect(() => () => typing?.stop(), []);

  const { busy, error, submit } = useSubmit(async () => {
    const written = { title: title.trim(), type, ...(body.trim() && { body: body.trim() }) };
    const posts = hubbub.posts(story.id);
    if (post) await posts.update(post.id, written);
    else if ((await posts.create(written)).status === "pending") toasts.say("A moderator looks at your post before others see it.");
    close();
  });
  const write = (set) => (event) => {
    set(event.target.value);
    if (event.target.value.trim()) typing?.pressed();
  };

  return html`
    <${Dialog} title=${post ? "Edit your post" : "Write a post"} close=${close}>
      <form onSubmit=${submit}>
        <fieldset class="choices kinds">
          <legend>What it is</legend>
          ${types.map(
            ({ value, title: name }) => html`
              <label key=${value} class="choice">
                <input type="radio" name="type" value=${value} checked=${type === value} onChange=${() => setType(value)} /><strong>${name}</strong>
              </label>
            `,
          )}
        </fieldset>
        <label class="field">
          <span>Title</span>
          <input name="title" required maxlength=${TITLE_LENGTH} autocomplete="off" value=${title} onInput=${write(setTitle)} data-first />
        </label>
        <label class="field">
          <span>Text <span class="muted">(optional)</span></span>
          <textarea name="body" rows="6" maxlength=${BODY_LENGTH} value=${body} onInput=${write(setBody)}></textarea>
        </label>
        <${Problem} error=${error} />
        <div class="dialog-actions">
          <button type="button" class="button" onClick=${close}>Cancel</button>
          <button class="button primary" disabled=${busy || !title.trim()}>${post ? "Save" : "Post"}</button>
        </div>
      </form>
    <//>
  `;
}
