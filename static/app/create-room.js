import { usePage } from "./context.js";
import { Dialog, Problem, useSubmit } from "./dialog.js";
import { html, useState } from "./view.js";

const VISIBILITIES = [
  { value: "public", title: "Public", text: "Anyone can find it, read it and join." },
  { value: "private", title: "Private", text: "Only people you invite can see it." },
];

/** @param {{close: () => void}} props */
export function CreateRoom({ close }) {
  const { hubbub, ui } = usePage();
  const [name, setName] = useState("");
  const [description, setDescription] = useState("");
  const [visibility, setVisibility] = useState("public");
  const { busy, error, submit } = useSubmit(async () => {
    const room = await hubbub.chat.create({ name: name.trim(), description: description.trim(), visibility });
    ui.show(room.id);
  });

  return html`
    <${Dialog} title="Create a room" close=${close}>
      <form onSubmit=${submit}>
        <label class="field">
          <span>Name</span>
          <input name="name" required maxlength="100" autocomplete="off" value=${name}
            onInput=${(event) => setName(event.target.value)} />
        </label>
        <label class="field">
          <span>What it is about <span class="muted">(optional)</span></span>
          <input name="description" maxlength="1000" autocomplete="off" value=${description}
            onInput=${(event) => setDescription(event.target.value)} />
        </label>
        <fieldset class="choices">
          <legend>Who can see it</legend>
          ${VISIBILITIES.map(
            ({ value, title, text }) => html`
              <label key=${value} class="choice">
                <input type="radio" name="visibility" value=${value} checked=${visibility === value}
                  onChange=${() => setVisibility(value)} />
                <span><strong>${title}</strong><span class="muted">${text}</span></span>
              </label>
            `,
          )}
        </fieldset>
        <${Problem} error=${error} />
        <div class="dialog-actions">
          <button type="button" class="button" onClick=${close}>Cancel</button>
          <button class="button primary" disabled=${busy || !name.trim()}>Create</button>
        </div>
      </form>
    <//>
  `;
}
