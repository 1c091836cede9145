import { Avatar } from "./avatar.js";
import { usePage } from "./context.js";
import { Dialog, Problem } from "./dialog.js";
import { roomTitle } from "./names.js";
import { brief } from "./times.js";
import { html, useEffect, useState } from "./view.js";

const PAUSE_MS = 200;

/**
 * Full-text search, in one room or in all that the user may read.
 *
 * @param {{room?: import("../client/room.js").Room, close: () => void}} props
 */
export function Search({ room, close }) {
  const { hubbub } = usePage();
  const [words, setWords] = useState("");
  const [found, setFound] = useState(null);
  const [error, setError] = useState(null);
  const title = room ? `Search in ${roomTitle(room.getSnapshot().summary, hubbub.me)}` : "Search messages";
  const q = words.trim();

  useEffect(() => {
    setError(null);
    if (!q) return setFound(null);
    let current = true;
    const timer = setTimeout(() => {
      const result = hubbub.chat.search(q, { roomId: room?.id });
      result.then((page) => current && setFound(page), (failure) => current && setError(failure));
    }, PAUSE_MS);
    return () => {
      current = false;
      clearTimeout(timer);
    };
  }, [q]);

  const more = async () => {
    const { messages } = found;
    const page = await hubbub.chat.search(q, { roomId: room?.id, before: messages[messages.length - 1].id });
    setFound({ messages: [...messages, ...page.messages], hasMore: page.hasMore });
  };

  return html`
    <${Dialog} title=${title} close=${close} class="tall">
      <label class="field">
        <span class="hidden">Words</span>
        <input type="search" placeholder="Words, or beginnings of words" maxlength="200" value=${words}
          onInput=${(event) => setWords(event.target.value)} />
      </label>
      <${Problem} error=${error} />
      ${found && found.messages.length === 0 && html`<p class="dialog-empty">Nothing found.</p>`}
      <ul class="results" aria-label="Messages found">
        ${found?.messages.map((message) => html`<${Found} key=${message.id} message=${message} />`)}
      </ul>
      ${found?.hasMore && html`<button class="button" onClick=${() => more().catch(setError)}>Show more</button>`}
    <//>
  `;
}

/** @param {{message: import("../client/types.js").Message}} props */
function Found({ message }) {
  const { hubbub, ui } = usePage();
  const room = hubbub.chat.room(message.roomId);
  const where = room ? roomTitle(room.getSnapshot().summary, hubbub.me) : "another room";
  return html`
    <li>
      <button class="result" onClick=${() => ui.show(message.roomId, message.seq)}>
        <${Avatar} user=${message.user} />
        <span class="result-lines">
          <span><strong>${message.user.name}</strong> <span class="muted">in ${where}</span></span>
          <span class="result-text">${message.message}</span>
        </span>
        <time class="muted" datetime=${message.createdAt}>${brief(message.createdAt)}</time>
      </button>
    </li>
  `;
}
