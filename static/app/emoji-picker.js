import { moveFocus } from "./menu.js";
import { html } from "./view.js";

const EMOJIS = [
  ["👍", "thumbs up"],
  ["❤️", "heart"],
  ["😂", "tears of joy"],
  ["🎉", "party"],
  ["😮", "surprised"],
  ["😢", "sad"],
  ["👏", "applause"],
  ["🙏", "thanks"],
  ["🔥", "fire"],
  ["🚀", "rocket"],
  ["👀", "eyes"],
  ["✅", "done"],
  ["💯", "hundred points"],
  ["🤔", "thinking"],
  ["😍", "in love"],
  ["👎", "thumbs down"],
];

/** @param {{pick: (emoji: string) => void, close: () => void}} props */
export function EmojiPicker({ pick, close }) {
  const choose = (emoji) => {
    close();
    pick(emoji);
  };
  return html`
    <div class="emoji-picker" role="group" aria-label="Choose an emoji" onKeyDown=${moveFocus}>
      ${EMOJIS.map(
        ([emoji, name]) => html`
          <button key=${emoji} type="button" class="emoji" aria-label=${name} title=${name} onClick=${() => choose(emoji)}>
            ${emoji}
          </button>
        `,
      )}
    </div>
  `;
}
