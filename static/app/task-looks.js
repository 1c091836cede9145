/**
 * How tasks are spoken of. Their shape is that of `server/demo.tasks.json`.
 *
 * @typedef {{title: string, done?: boolean, notes?: string, priority?: string, assignee?: {id: string, name: string}}} Task
 */
export const TITLE_LENGTH = 200;
export const NOTES_LENGTH = 4000;

/** Of these there is one text for all: two people who change one at a time decide between them. */
export const TEXTS = ["title", "notes"];

export const PRIORITIES = [
  { value: "high", label: "High" },
  { value: "normal", label: "Normal" },
  { value: "low", label: "Low" },
];

/** The fields, in the order in which they are compared. */
export const FIELDS = [
  { name: "title", label: "Title", show: (value) => value },
  { name: "notes", label: "Notes", show: (value) => value },
  { name: "done", label: "Done", show: (value) => (value ? "Yes" : "No") },
  { name: "priority", label: "Priority", show: (value = "normal") => PRIORITIES.find((each) => each.value === value)?.label ?? value },
  { name: "assignee", label: "Assigned to", show: (value) => value?.name ?? "Nobody" },
];

/** What can be looked at: the filter that the server is asked with, and the same for what it does not have yet. */
export const VIEWS = [
  { key: "all", label: "All", filter: () => undefined, shows: () => true },
  { key: "open", label: "Open", filter: () => "done=eq.false", shows: ({ done }) => !done },
  { key: "done", label: "Done", filter: () => "done=eq.true", shows: ({ done }) => Boolean(done) },
  {
    key: "mine",
    label: "Mine",
    filter: (me) => `assignee.id=eq.${me}`,
    shows: ({ assignee }, me) => assignee?.id === me,
  },
];
