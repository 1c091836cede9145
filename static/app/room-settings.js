import { usePage } from "./context.js";
import { Dialog, Problem, useSubmit } from "./dialog.js";
import { html, useState } from "./view.js";

const SLOW_MODES = [
  [0, "Off"],
  [5, "5 seconds"],
  [10, "10 seconds"],
  [30, "30 seconds"],
  [60, "1 minute"],
  [120, "2 minutes"],
];

/** @param {{room: import("../client/room.js").Room, close: () => void}} props */
export function RoomSettings({ room, close }) {
  const { ui, toasts } = usePage();
  const { summary } = room.getSnapshot();
  const [name, setName] = useState(summary.room.name ?? "");
  const [description, setDescription] = useState(summary.room.description ?? "");
  const [slowMode, setSlowMode] = useState(summary.room.slowMode ?? 0);
  const { busy, error, submit } = useSubmit(async () => {
    await room.update({ name: name.trim(), description: description.trim(), slowMode });
    close();
  });
  const archive = () =>
    ui.openDialog({
      kind: "confirm",
      title: `Archive ${summary.room.name}?`,
      text: "It stays readable, but nobody can write there any more.",
      action: "Archive",
      act: async () => {
        await room.archive();
        toasts.say(`${summary.room.name} is archived.`);
      },
    });

  return html`
    <${Dialog} title="Room settings" close=${close}>
      <form onSubmit=${submit}>
        <label class="field">
          <span>Name</span>
          <input required maxlength="100" value=${name} onInput=${(event) => setName(event.target.value)} />
        </label>
        <label class="field">
          <span>What it is about</span>
          <input maxlength="1000" value=${description}
            onInput=${(event) => setDescription(event.target.value)} />
        </label>
        <label class="field">
          <span>Slow mode: time between two messages of a member</span>
          <select value=${String(slowMode)} onChange=${(event) => setSlowMode(Number(event.target.value))}>
            ${SLOW_MODES.map(([seconds, label]) => html`<option key=${seconds} value=${String(seconds)}>${label}</option>`)}
          </select>
        </label>
        <${Problem} error=${error} />
        <div class="dialog-actions">
          ${summary.role === "owner" &&
          summary.room.isActive &&
          html`<button type="button" class="button danger-text first" onClick=${archive}>Archive room</button>`}
          <button type="button" class="button" onClick=${close}>Cancel</button>
          <button class="button primary" disabled=${busy || !name.trim()}>Save</button>
        </div>
      </form>
    <//>
  `;
}
