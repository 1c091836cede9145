import { formatTyping } from "../client/index.js";
import { html, useStore } from "./view.js";

/** Who types in the room; it keeps its height when nobody does, so that nothing jumps. */
export function TypingLine({ room }) {
  const { typing } = useStore(room);
  return html`
    <div class="typing">
      ${typing.length > 0 &&
      html`<span class="typing-dots" aria-hidden="true"><i></i><i></i><i></i></span><span>${formatTyping(typing)}</span>`}
    </div>
  `;
}
