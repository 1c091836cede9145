import { Dialog } from "./dialog.js";
import { PublicRooms } from "./public-rooms.js";
import { html, useState } from "./view.js";

/** @param {{close: () => void}} props */
export function Discover({ close }) {
  const [wanted, setWanted] = useState("");
  return html`
    <${Dialog} title="Discover rooms" close=${close}>
      <label class="field">
        <span class="hidden">Filter</span>
        <input type="search" placeholder="Filter by name or subject" value=${wanted}
          onInput=${(event) => setWanted(event.target.value)} />
      </label>
      <${PublicRooms} wanted=${wanted} />
    <//>
  `;
}
