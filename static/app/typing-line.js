import { formatTyping } from "../client/index.js";
import { html, useStore } from "./view.js";

/** Who types in the room. */
export function TypingLine({ room }) {
  const { typing } = useStore(room);
  return html`<${TypingWords} words=${formatTyping(typing)} />`;
}

/**
 * Words with dots that move; the line keeps its height when there are none, so that nothing jumps.
 *
 * @param {{words: string}} props
 */
export const TypingWords = ({ words }) => html`
  <div class="typing">
    ${words && html`<span class="typing-dots" aria-hidden="true"><i></i><i></i><i></i></span><span>${words}</span>`}
  </div>
`;
