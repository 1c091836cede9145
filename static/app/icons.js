import { html } from "./view.js";

/** 24 × 24 outlines, drawn in the colour of the text. */
const PATHS = {
  archive: "M4 8h16v11a1 1 0 0 1-1 1H5a1 1 0 0 1-1-1ZM3 4h18v4H3ZM10 12h4",
  back: "M15 5l-7 7 7 7",
  bell: "M6 16V11a6 6 0 0 1 12 0v5l1.5 2h-15ZM10 20.5a2.2 2.2 0 0 0 4 0",
  "bell-off": "M8.2 6.4A6 6 0 0 1 18 11v4M6.2 9.7A6 6 0 0 0 6 11v5l-1.5 2H17M10 20.5a2.2 2.2 0 0 0 4 0M4 4l16 16",
  book: "M12 6.5C10 5 7 4.5 3.5 4.5V18c3.5 0 6.5.5 8.5 2 2-1.5 5-2 8.5-2V4.5C17 4.5 14 5 12 6.5ZM12 6.5V20",
  bookmark: "M6.5 4h11a1 1 0 0 1 1 1v16L12 16.5 5.5 21V5a1 1 0 0 1 1-1Z",
  camera: "M4 8h3.5L9 5.5h6L16.5 8H20a1 1 0 0 1 1 1v9a1 1 0 0 1-1 1H4a1 1 0 0 1-1-1V9a1 1 0 0 1 1-1ZM12 10a3.5 3.5 0 1 0 0 7a3.5 3.5 0 1 0 0-7Z",
  card: "M3 7a1 1 0 0 1 1-1h16a1 1 0 0 1 1 1v10a1 1 0 0 1-1 1H4a1 1 0 0 1-1-1ZM3 10h18M6.5 14.5h4",
  check: "M5 12.5l4.5 4.5L19 7.5",
  checks: "M2.5 12.5L7 17l9-9.5M11.5 16.5l.5.5 9.5-9.5",
  close: "M6 6l12 12M18 6L6 18",
  compass: "M12 3a9 9 0 1 0 0 18a9 9 0 1 0 0-18ZM15.5 8.5l-2 5-5 2 2-5Z",
  clock: "M12 3a9 9 0 1 0 0 18a9 9 0 1 0 0-18ZM12 7v5l3.5 2",
  document: "M6 3h8l5 5v12a1 1 0 0 1-1 1H6a1 1 0 0 1-1-1V4a1 1 0 0 1 1-1ZM14 3v5h5M8.5 13h7M8.5 17h5",
  down: "M12 5v14M6 13l6 6 6-6",
  edit: "M4 20l1-4L16.5 4.5a2.1 2.1 0 0 1 3 3L8 19ZM14 7l3 3",
  error: "M12 3a9 9 0 1 0 0 18a9 9 0 1 0 0-18ZM9 9l6 6M15 9l-6 6",
  eye: "M2.5 12C4.5 8 8 6 12 6s7.5 2 9.5 6c-2 4-5.5 6-9.5 6s-7.5-2-9.5-6ZM12 9.5a2.5 2.5 0 1 0 0 5a2.5 2.5 0 1 0 0-5Z",
  flag: "M6 21V4M6 4.5h12l-2.5 4 2.5 4H6",
  forward: "M9 5l7 7-7 7",
  hash: "M9 4L7 20M17 4l-2 16M4 9h16M4 15h16",
  history: "M4 12a8 8 0 1 0 2.6-5.9M4 4.5v4h4M12 8v4.5l3 1.8",
  heart: "M12 20C5 15 3 12 3 8.8A4.8 4.8 0 0 1 12 6.5a4.8 4.8 0 0 1 9 2.3C21 12 19 15 12 20Z",
  info: "M12 3a9 9 0 1 0 0 18a9 9 0 1 0 0-18ZM12 11v5M12 8h.01",
  leave: "M14 4h5a1 1 0 0 1 1 1v14a1 1 0 0 1-1 1h-5M10 8l-4 4 4 4M6 12h9",
  link: "M10 14a4 4 0 0 0 6 .5l3-3a4 4 0 0 0-5.7-5.7L12 7M14 10a4 4 0 0 0-6-.5l-3 3a4 4 0 0 0 5.7 5.7L12 17",
  lock: "M6 11h12v9H6ZM9 11V8a3 3 0 0 1 6 0v3",
  menu: "M4 7h16M4 12h16M4 17h16",
  moon: "M20 14.5A8 8 0 0 1 9.5 4a8 8 0 1 0 10.5 10.5Z",
  more: "M5.5 12a.5.5 0 1 0 1 0a.5.5 0 1 0-1 0ZM11.5 12a.5.5 0 1 0 1 0a.5.5 0 1 0-1 0ZM17.5 12a.5.5 0 1 0 1 0a.5.5 0 1 0-1 0Z",
  offline: "M4 4l16 16M7.5 7.8A5.5 5.5 0 0 0 6.5 18.5H17M10.5 6.2A6 6 0 0 1 18 11a3.8 3.8 0 0 1 2.6 6",
  outside: "M10 6H6v12h12v-4M13 5h6v6M19 5l-8 8",
  people: "M9 11a3.5 3.5 0 1 0 0-7a3.5 3.5 0 1 0 0 7ZM3 20c0-3.5 2.5-6 6-6s6 2.5 6 6M16 4.5a3.5 3.5 0 0 1 0 6M17 14.3c2.4.6 4 2.8 4 5.7",
  pin: "M12 21c-4-5-6.5-8-6.5-11.5a6.5 6.5 0 0 1 13 0C18.5 13 16 16 12 21ZM12 7.5a2 2 0 1 0 0 4a2 2 0 1 0 0-4Z",
  plus: "M12 5v14M5 12h14",
  reply: "M9 7l-5 5 5 5M4 12h9a6 6 0 0 1 6 6v1",
  search: "M11 4a7 7 0 1 0 0 14a7 7 0 1 0 0-14ZM16 16l5 5",
  send: "M4 12L20 4l-5 16-3.5-6.5ZM11.5 13.5L20 4",
  settings: "M4 7h9M17 7h3M15 5v4M4 17h3M11 17h9M9 15v4",
  shield: "M12 3l7.5 2.5V11c0 5-3.2 8.3-7.5 10-4.3-1.7-7.5-5-7.5-10V5.5Z",
  smile: "M12 3a9 9 0 1 0 0 18a9 9 0 1 0 0-18ZM8.5 14.5c1.8 2.2 5.2 2.2 7 0M9 9.5h.01M15 9.5h.01",
  speech: "M4 6a2 2 0 0 1 2-2h12a2 2 0 0 1 2 2v8a2 2 0 0 1-2 2h-7l-5 4v-4a2 2 0 0 1-2-2Z",
  star: "M12 3.5l2.6 5.6 6.1.7-4.5 4.2 1.2 6L12 17l-5.4 3 1.2-6-4.5-4.2 6.1-.7Z",
  sun: "M12 8a4 4 0 1 0 0 8a4 4 0 1 0 0-8ZM12 2v2M12 20v2M2 12h2M20 12h2M5 5l1.5 1.5M17.5 17.5L19 19M19 5l-1.5 1.5M6.5 17.5L5 19",
  split: "M12 3v5M12 8c0 4-6 3-6 8v4M12 8c0 4 6 3 6 8v4M3.5 17.5L6 20l2.5-2.5M15.5 17.5L18 20l2.5-2.5",
  tag: "M12.5 4H19a1 1 0 0 1 1 1v6.5L12 20l-8-8ZM16 7.5v.01",
  tasks: "M4 6.5l1.5 1.5L8 5.5M4 12.5L5.5 14 8 11.5M4 18.5L5.5 20 8 17.5M11.5 7H20M11.5 13H20M11.5 19H20",
  ticket: "M4 7h16v3a2 2 0 0 0 0 4v3H4v-3a2 2 0 0 0 0-4ZM14 7v2M14 11v2M14 15v2",
  trash: "M4 7h16M9 7V4h6v3M6 7l1 13h10l1-13M10 11v5M14 11v5",
  undo: "M8.5 5L4 9.5 8.5 14M4 9.5h10a5.5 5.5 0 0 1 0 11h-3",
  unread: "M12 8a4 4 0 1 0 0 8a4 4 0 1 0 0-8Z",
  user: "M12 12a4 4 0 1 0 0-8a4 4 0 1 0 0 8ZM4 21c0-4 3.5-7 8-7s8 3 8 7",
  warning: "M12 4L2.5 20h19ZM12 10v4M12 17h.01",
};

/** @param {{name: keyof typeof PATHS, size?: number, filled?: boolean}} props */
export function Icon({ name, size = 20, filled = false }) {
  return html`<svg
    class="icon"
    width=${size}
    height=${size}
    viewBox="0 0 24 24"
    fill=${filled ? "currentColor" : "none"}
    stroke="currentColor"
    stroke-width="1.75"
    stroke-linecap="round"
    stroke-linejoin="round"
    aria-hidden="true"
  >
    <path d=${PATHS[name]} />
  </svg>`;
}

/**
 * A button that shows an icon only; its label is what is read out and shown as a tooltip.
 *
 * @param {{name: keyof typeof PATHS, label: string, size?: number, class?: string, [attribute: string]: any}} props
 */
export function IconButton({ name, label, size, class: more = "", ...attributes }) {
  return html`<button type="button" class="icon-button ${more}" aria-label=${label} title=${label} ...${attributes}>
    <${Icon} name=${name} size=${size} />
  </button>`;
}
