import { usePage } from "./context.js";
import { Dialog, Problem, useSubmit } from "./dialog.js";
import { GENRES, VISIBILITIES } from "./story-looks.js";
import { html, useState } from "./view.js";

const TITLE_LENGTH = 200;
const GENRE_LENGTH = 50;
const BODY_LENGTH = 100_000;

/**
 * Where a story is written, or changed.
 *
 * @param {{story?: import("../client/types.js").Story, close: () => void}} props without `story` a new one
 */
export function StoryEditor({ story, close }) {
  const { hubbub, ui, toasts } = usePage();
  const [title, setTitle] = useState(story?.title ?? "");
  const [genre, setGenre] = useState(story?.genre ?? "");
  const [body, setBody] = useState(story?.body ?? "");
  const [visibility, setVisibility] = useState("public");

  const create = async () => {
    const made = { title: title.trim(), visibility, ...(genre.trim() && { genre: genre.trim() }), ...(body.trim() && { body: body.trim() }) };
    const stored = await hubbub.stories.create(made);
    ui.go("stories", stored.id);
    if (stored.status === "pending") toasts.say("A moderator looks at your story before others see it.", "info");
    else toasts.say(visibility === "private" ? "Your draft is saved." : "Your story is out!", "success");
  };
  const change = async () => {
    const changes = { title: title.trim(), genre: genre.trim() || null, ...(body.trim() && { body: body.trim() }) };
    await hubbub.stories.update(story.id, changes);
    close();
    toasts.say("Your story is saved.", "success");
  };
  const { busy, error, submit } = useSubmit(story ? change : create);

  return html`
    <${Dialog} title=${story ? "Edit your story" : "Write a story"} close=${close} class="story-editor">
      <form onSubmit=${submit}>
        <label class="field">
          <span>Title</span>
          <input name="title" required maxlength=${TITLE_LENGTH} autocomplete="off" value=${title}
            onInput=${(event) => setTitle(event.target.value)} />
        </label>
        <label class="field">
          <span>Genre <span class="muted">(optional)</span></span>
          <input name="genre" maxlength=${GENRE_LENGTH} autocomplete="off" list="genres" value=${genre}
            onInput=${(event) => setGenre(event.target.value)} />
          <datalist id="genres">${GENRES.map((each) => html`<option key=${each} value=${each}></option>`)}</datalist>
        </label>
        <label class="field">
          <span>Story</span>
          <textarea name="body" rows="8" maxlength=${BODY_LENGTH} value=${body} onInput=${(event) => setBody(event.target.value)}></textarea>
        </label>
        ${!story &&
        html`<fieldset class="choices readers">
          <legend>Who can read it</legend>
          ${VISIBILITIES.map(
            ({ value, title: name, text }) => html`
              <label key=${value} class="choice">
                <input type="radio" name="visibility" value=${value} checked=${visibility === value} onChange=${() => setVisibility(value)} />
                <span><strong>${name}</strong><span class="muted">${text}</span></span>
              </label>
            `,
          )}
        </fieldset>`}
        <${Problem} error=${error} />
        <div class="dialog-actions">
          <button type="button" class="button" onClick=${close}>Cancel</button>
          <button class="button primary" disabled=${busy || !title.trim()}>${story ? "Save" : visibility === "private" ? "Save draft" : "Publish"}</button>
        </div>
      </form>
    <//>
  `;
}
