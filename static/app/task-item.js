import { Avatar } from "./avatar.js";
import { usePage } from "./context.js";
import { Icon, IconButton } from "./icons.js";
import { html, memo } from "./view.js";

/**
 * One task: ticked at the left, opened by its title, deleted at the right; below it what became of the last change.
 */
export const TaskItem = memo(
  /**
   * @param {object} props
   * @param {import("../client/collection.js").Collection} props.tasks
   * @param {import("../client/types.js").SharedRecord} props.record
   * @param {import("../client/changes.js").Change} [props.change]
   */
  ({ tasks, record, change }) => {
    const { ui, toasts } = usePage();
    const { id, data } = record;
    const { title, done = false, notes, priority, assignee } = data;
    const tick = () => tasks.patch(id, { done: !done });
    const edit = () => ui.openDialog({ kind: "task", tasks, record });
    const remove = () => {
      tasks.remove(id);
      const undo = () => (tasks.getSnapshot().changes[id]?.status === "pending" ? tasks.undo(id) : tasks.upsert(id, data));
      toasts.show({ level: "info", text: `“${title}” is deleted.`, action: { label: "Undo", act: undo } });
    };
    return html`
      <li class="task ${done ? "done" : ""}" data-task=${id} data-change=${change?.status}>
        <label class="task-tick">
          <input type="checkbox" checked=${done} onChange=${tick} aria-label=${title} />
          <${Icon} name="check" size=${16} />
        </label>
        <button class="task-open" aria-label=${`Edit ${title}`} onClick=${edit}>
          <span class="task-title">${title}</span>
          ${notes && html`<span class="task-notes">${notes}</span>`}
        </button>
        <span class="task-marks">
          ${priority === "high" && html`<span class="task-priority high"><${Icon} name="flag" size=${14} />High</span>`}
          ${priority === "low" && html`<span class="task-priority">Low</span>`}
          ${assignee &&
          html`<span class="task-assignee" title=${`Assigned to ${assignee.name}`}>
            <${Avatar} user=${{ ...assignee, profileImage: null }} size="sm" /><span class="hidden">Assigned to ${assignee.name}</span>
          </span>`}
          <${Mark} change=${change} />
        </span>
        <${IconButton} name="trash" size=${18} label=${`Delete ${title}`} class="task-delete" onClick=${remove} />
        ${change?.status === "failed" && html`<${Failure} tasks=${tasks} change=${change} />`}
      </li>
    `;
  },
);

const MARKS = {
  pending: { icon: "clock", text: "Waiting" },
  saved: { icon: "check", text: "Saved" },
  parked: { icon: "split", text: "To decide" },
  failed: { icon: "warning", text: "Not saved" },
};

/** @param {{change?: import("../client/changes.js").Change}} props */
function Mark({ change }) {
  const mark = MARKS[change?.status];
  return mark && html`<span class="mark mark-${change.status}"><${Icon} name=${mark.icon} size=${14} />${mark.text}</span>`;
}

/**
 * Why the server did not take the change, and what can be done.
 *
 * @param {{tasks: import("../client/collection.js").Collection, change: import("../client/changes.js").Change}} props
 */
function Failure({ tasks, change }) {
  const { id, op, error } = change;
  const fields = Object.values(error?.fields ?? {}).flat().join(" ");
  return html`
    <div class="task-failure" role="alert">
      <span>${op === "delete" ? "Not deleted: " : "Not saved: "}${error?.message}${fields && ` ${fields}`}</span>
      <button class="button small" onClick=${() => tasks.retry(id)}>Try again</button>
      <button class="button small" onClick=${() => tasks.undo(id)}>Undo</button>
    </div>
  `;
}
