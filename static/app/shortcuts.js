import { Dialog } from "./dialog.js";
import { html } from "./view.js";

const SHORTCUTS = [
  ["Enter", "Send the message"],
  ["Shift + Enter", "Begin a new line"],
  ["Arrow up", "In an empty field: edit your last message"],
  ["@", "Mention somebody"],
  ["Ctrl + K", "Search"],
  ["Tab", "Go to the messages; there:"],
  ["Arrow up, arrow down", "Go from message to message"],
  ["R", "Reply"],
  ["E", "Edit"],
  ["+", "React"],
  ["Delete", "Delete"],
  ["Escape", "Close what is open"],
];

/** @param {{close: () => void}} props */
export function Shortcuts({ close }) {
  return html`
    <${Dialog} title="Keyboard shortcuts" close=${close}>
      <dl class="shortcuts">
        ${SHORTCUTS.map(([keys, what]) => html`<div key=${keys}><dt><kbd>${keys}</kbd></dt><dd>${what}</dd></div>`)}
      </dl>
    <//>
  `;
}
