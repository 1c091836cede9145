import { ConflictBanner } from "./conflict-banner.js";
import { usePage } from "./context.js";
import { Icon } from "./icons.js";
import { Nothing, Page } from "./page.js";
import { SyncBanner } from "./sync-banner.js";
import { TaskItem } from "./task-item.js";
import { TITLE_LENGTH, VIEWS } from "./task-looks.js";
import { html, useEffect, useMemo, useRef, useState, useStore } from "./view.js";

/**
 * A list of tasks that everyone shares.
 *
 * @param {{covered: boolean}} props
 */
export function TasksView({ covered }) {
  const { hubbub, toasts } = usePage();
  const [key, setKey] = useState("all");
  const view = VIEWS.find((each) => each.key === key);
  const filter = view.filter(hubbub.me.id);
  const tasks = useMemo(() => hubbub.collection("tasks", { filter }), [filter]);
  const { status, error, records, changes, hasMore, loadingMore } = useStore(tasks);
  const shown = records.filter(({ id, data }) => view.shows(data, hubbub.me.id) || changes[id]?.status === "failed");

  useEffect(
    () =>
      tasks.onSettledConflict(({ data, conflict }) =>
        toasts.say(`Somebody else changed “${data.title}” as well: your ${conflict.fields.join(" and ")} stayed.`),
      ),
    [tasks],
  );

  return html`
    <${Page} title="Tasks" icon="tasks" covered=${covered} class="tasks-page">
      <${SyncBanner} />
      <${ConflictBanner} />
      <section class="sheet tasks" aria-label="Tasks">
        <${AddTask} tasks=${tasks} view=${key} />
        <div class="segments" role="group" aria-label="Which tasks to show">
          ${VIEWS.map(
            (each) => html`
              <button key=${each.key} type="button" aria-pressed=${each.key === key} onClick=${() => setKey(each.key)}>${each.label}</button>
            `,
          )}
        </div>
        ${status === "loading" && records.length === 0 && html`<${Skeletons} />`}
        ${status === "failed" &&
        html`<${Nothing} icon="warning" title="The tasks could not be loaded">
          <span>${error.message}</span>
          <button class="button" onClick=${() => tasks.reload()}>Try again</button>
        <//>`}
        ${status === "ready" && shown.length === 0 && html`<${Empty} view=${key} />`}
        <ul class="task-list">
          ${shown.map((record) => html`<${TaskItem} key=${record.id} tasks=${tasks} record=${record} change=${changes[record.id]} />`)}
        </ul>
        ${hasMore &&
        html`<button class="button wide" disabled=${loadingMore} onClick=${() => tasks.loadMore().catch(toasts.fail)}>
          ${loadingMore ? "Loading…" : "Show more"}
        </button>`}
      </section>
    <//>
  `;
}

/** @param {{tasks: import("../client/collection.js").Collection, view: string}} props */
function AddTask({ tasks, view }) {
  const { hubbub } = usePage();
  const [title, setTitle] = useState("");
  const field = useRef(null);
  const add = (event) => {
    event.preventDefault();
    const { id, name } = hubbub.me;
    tasks.insert({ title: title.trim(), done: false, ...(view === "mine" && { assignee: { id, name } }) });
    setTitle("");
    field.current.focus();
  };
  return html`
    <form class="task-add" onSubmit=${add}>
      <${Icon} name="plus" />
      <input ref=${field} aria-label="New task" placeholder="Add a task" maxlength=${TITLE_LENGTH} autocomplete="off" enterkeyhint="done"
        value=${title} onInput=${(event) => setTitle(event.target.value)} />
      <button class="button primary small" disabled=${!title.trim()}>Add</button>
    </form>
  `;
}

const EMPTY = {
  all: ["Nothing to do yet", "Add the first task: everyone who is signed in sees it at once."],
  open: ["All done", "Nothing is open."],
  done: ["Nothing done yet", "What is ticked off stands here."],
  mine: ["Nothing for you", "Tasks that are assigned to you stand here."],
};

/** @param {{view: string}} props */
function Empty({ view }) {
  const [title, text] = EMPTY[view];
  return html`<${Nothing} icon="tasks" title=${title}><span>${text}</span><//>`;
}

const Skeletons = () => html`
  <div aria-hidden="true">${[0, 1, 2].map((key) => html`<div key=${key} class="skeleton row-skeleton"></div>`)}</div>
`;
