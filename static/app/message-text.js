import { full } from "./times.js";
import { html } from "./view.js";

const LINK = /https?:\/\/[^\s<>"]*[^\s<>".,;:!?)\]}'…]/gu;
const ONLY_EMOJI = /^(?:\p{Extended_Pictographic}(?:\u{fe0f}|\u{200d}|\p{Emoji_Modifier})*\s*){1,3}$/u;

/**
 * A message's text, with its links and mentions. It becomes text nodes and is never read as HTML.
 *
 * @param {{text: string, mentions: string[], me: string, nameOf: (id: string) => string | undefined, edited: string | null, note?: any}} props
 *   `note` stands behind the text
 */
export function MessageText({ text, mentions, me, nameOf, edited, note }) {
  const named = mentions.flatMap((id) => [...new Set([nameOf(id), id])].map((name) => ({ id, word: `@${name}` })));
  // The longest first: "@Ada Lovelace" before "@Ada".
  named.sort((one, other) => other.word.length - one.word.length);
  return html`
    <div class="message-text ${ONLY_EMOJI.test(text) ? "jumbo" : ""}">
      ${pieces(text, named, me, nameOf)}
      ${edited && html`<span class="edited" title=${full(edited)}> (edited)</span>`}
      ${note}
    </div>
  `;
}

/**
 * Text in which nobody is mentioned.
 *
 * @param {{text: string, edited?: string | null}} props
 */
export const PlainText = ({ text, edited = null }) => html`
  <${MessageText} text=${text} mentions=${NOBODY} me="" nameOf=${nameless} edited=${edited} />
`;

/** @type {string[]} */
const NOBODY = [];
const nameless = () => undefined;

/**
 * @param {string} text
 * @param {{id: string, word: string}[]} named
 * @param {string} me
 * @param {(id: string) => string | undefined} nameOf
 */
function pieces(text, named, me, nameOf) {
  const found = [];
  let rest = 0;
  for (const link of text.matchAll(LINK)) {
    found.push(...mentioned(text.slice(rest, link.index), named, me, nameOf));
    found.push(html`<a href=${link[0]} target="_blank" rel="noopener noreferrer nofollow">${link[0]}</a>`);
    rest = link.index + link[0].length;
  }
  found.push(...mentioned(text.slice(rest), named, me, nameOf));
  return found;
}

/**
 * @param {string} text
 * @param {{id: string, word: string}[]} named
 * @param {string} me
 * @param {(id: string) => string | undefined} nameOf
 * @returns {any[]}
 */
function mentioned(text, named, me, nameOf) {
  for (const { id, word } of named) {
    const at = text.indexOf(word);
    if (at < 0) continue;
    const shown = html`<span class="mention ${id === me ? "mention-me" : ""}">@${nameOf(id) ?? id}</span>`;
    const before = mentioned(text.slice(0, at), named, me, nameOf);
    return [...before, shown, ...mentioned(text.slice(at + word.length), named, me, nameOf)];
  }
  return text ? [text] : [];
}
