import { CommunityView } from "./community-view.js";
import { ConflictBadge } from "./conflict-banner.js";
import { usePage } from "./context.js";
import { DocumentView } from "./document-view.js";
import { DocumentsView } from "./documents-view.js";
import { Icon } from "./icons.js";
import { ModerationBadge, ModerationView } from "./moderation-view.js";
import { RoomView } from "./room-view.js";
import { SavedView } from "./saved-view.js";
import { StoryView } from "./story-view.js";
import { TasksView } from "./tasks-view.js";
import { TripView } from "./trip-view.js";
import { html, useStore } from "./view.js";

/**
 * The pages, by the first word of their address: `#/{key}` or `#/{key}/{id}` shows `View`, which gets `{id, covered}`.
 * One with a `label` has an entry in the sidebar. To add a page is to write its view and add it here.
 *
 * @typedef {object} Entry
 * @property {(props: {id: string | null, covered: boolean}) => any} View
 * @property {string} [label]
 * @property {string} [icon]                of icons.js
 * @property {string} [within]              key of the entry that is marked while this page is shown
 * @property {boolean} [moderators]         for them alone
 * @property {() => any} [Badge]            stands behind the label
 *
 * @type {Record<string, Entry>}
 */
export const PAGES = {
  rooms: { View: RoomView },
  trips: { View: TripView },
  community: { View: CommunityView, label: "Community", icon: "book" },
  stories: { View: StoryView, within: "community" },
  tasks: { View: TasksView, label: "Tasks", icon: "tasks", Badge: ConflictBadge },
  documents: { View: Documents, label: "Documents", icon: "document" },
  saved: { View: SavedView, label: "Saved", icon: "bookmark" },
  moderation: { View: ModerationView, label: "Moderation", icon: "shield", moderators: true, Badge: ModerationBadge },
};

/**
 * One of the documents, or the list of them.
 *
 * @param {{id: string | null, covered: boolean}} props
 */
function Documents({ id, covered }) {
  return id === null ? html`<${DocumentsView} covered=${covered} />` : html`<${DocumentView} key=${id} id=${id} covered=${covered} />`;
}

/**
 * @param {string} kind as the address has it
 * @param {boolean} moderates whether the reader does
 * @returns {Entry} the page of the rooms for what there is not
 */
export function pageOf(kind, moderates) {
  const page = Object.hasOwn(PAGES, kind) ? PAGES[kind] : PAGES.rooms;
  return page.moderators && !moderates ? PAGES.rooms : page;
}

/** The ways to the pages, in the sidebar. */
export function Navigation() {
  const { hubbub, ui } = usePage();
  const { kind } = useStore(ui);
  const current = PAGES[kind]?.within ?? kind;
  const entries = Object.entries(PAGES).filter(([, page]) => page.label && (hubbub.moderates || !page.moderators));
  return html`
    <nav aria-label="Pages">
      <ul class="pages">
        ${entries.map(
          ([key, { label, icon, Badge }]) => html`
            <li key=${key}>
              <button class="page-item" aria-current=${key === current ? "page" : undefined} onClick=${() => ui.go(key)}>
                <${Icon} name=${icon} size=${18} /><span>${label}</span>${Badge && html`<${Badge} />`}
              </button>
            </li>
          `,
        )}
      </ul>
    </nav>
  `;
}
