import { usePage } from "./context.js";
import { Dialog } from "./dialog.js";
import { NOTES_LENGTH, PRIORITIES, TEXTS, TITLE_LENGTH } from "./task-looks.js";
import { same } from "../client/index.js";
import { html, useEffect, useState } from "./view.js";

/**
 * Where a task is changed. What is saved is what differs from what was shown when it was opened.
 *
 * @param {object} props
 * @param {import("../client/collection.js").Collection} props.tasks
 * @param {import("../client/types.js").SharedRecord} props.record as it was when it was opened
 * @param {() => void} props.close
 */
export function TaskEditor({ tasks, record, close }) {
  const { hubbub } = usePage();
  const { data } = record;
  const [title, setTitle] = useState(data.title);
  const [notes, setNotes] = useState(data.notes ?? "");
  const [priority, setPriority] = useState(data.priority ?? "normal");
  const [assignee, setAssignee] = useState(data.assignee);
  const people = usePeople(hubbub, data.assignee);

  const save = (event) => {
    event.preventDefault();
    const wanted = {
      title: title.trim(),
      notes: notes.trim() || undefined,
      priority: priority === "normal" ? undefined : priority,
      assignee,
    };
    const changed = Object.entries(wanted).filter(([field, value]) => !same(data[field], value));
    // A text is one thing: whoever wrote it while this one was away is asked about, not merged with.
    const strategy = changed.some(([field]) => TEXTS.includes(field)) ? "manual" : undefined;
    if (changed.length > 0) tasks.patch(record.id, Object.fromEntries(changed), { base: record, strategy });
    close();
  };
  return html`
    <${Dialog} title="Edit task" close=${close}>
      <form onSubmit=${save}>
        <label class="field">
          <span>Title</span>
          <input required maxlength=${TITLE_LENGTH} autocomplete="off" value=${title} onInput=${(event) => setTitle(event.target.value)} />
        </label>
        <label class="field">
          <span>Notes</span>
          <textarea rows="4" maxlength=${NOTES_LENGTH} value=${notes} onInput=${(event) => setNotes(event.target.value)}></textarea>
        </label>
        <div class="field-pair">
          <label class="field">
            <span>Priority</span>
            <select value=${priority} onChange=${(event) => setPriority(event.target.value)}>
              ${PRIORITIES.map(({ value, label }) => html`<option key=${value} value=${value}>${label}</option>`)}
            </select>
          </label>
          <label class="field">
            <span>Assigned to</span>
            <select value=${assignee?.id ?? ""} onChange=${(event) => setAssignee(people.find(({ id }) => id === event.target.value))}>
              <option value="">Nobody</option>
              ${people.map(({ id, name }) => html`<option key=${id} value=${id}>${id === hubbub.me.id ? `${name} (you)` : name}</option>`)}
            </select>
          </label>
        </div>
        <div class="dialog-actions">
          <button type="button" class="button" onClick=${close}>Cancel</button>
          <button class="button primary" disabled=${!title.trim()}>Save</button>
        </div>
      </form>
    <//>
  `;
}

/**
 * Who a task can be given to: this user, who has it, and those that one shares a room with, as far as they are known.
 *
 * @param {import("../client/hubbub.js").Hubbub} hubbub
 * @param {{id: string, name: string}} [present]
 */
function usePeople(hubbub, present) {
  const [known, setKnown] = useState([]);
  useEffect(() => {
    // Without a connection there are fewer to choose from, which is no reason to complain.
    hubbub.chat.people().then(setKnown, () => {});
  }, []);
  const all = [hubbub.me, ...(present ? [present] : []), ...known].map(({ id, name }) => ({ id, name }));
  return [...new Map(all.map((person) => [person.id, person])).values()];
}
