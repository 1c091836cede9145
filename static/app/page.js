import { Bell } from "./bell.js";
import { usePage } from "./context.js";
import { Icon } from "./icons.js";
import { html } from "./view.js";

/**
 * The frame of a page beside the sidebar: its title, what can be done with all of it, and its content, which scrolls.
 *
 * @param {object} props
 * @param {string} props.title
 * @param {string} props.icon
 * @param {boolean} props.covered           the sidebar lies over it
 * @param {any} [props.tools]               at the right of the title
 * @param {string} [props.class]
 * @param {any} props.children
 */
export function Page({ title, icon, covered, tools, class: more = "", children }) {
  const { ui } = usePage();
  return html`
    <main class="room page ${more}" inert=${covered}>
      <header class="room-head">
        <button class="icon-button to-rooms" aria-label="Show rooms" title="Show rooms" onClick=${() => ui.setDrawer(true)}>
          <${Icon} name="back" />
        </button>
        <div class="room-title">
          <h1><${Icon} name=${icon} size=${18} /><span>${title}</span></h1>
        </div>
        ${tools}
        <${Bell} class="narrow-only" />
      </header>
      <div class="page-body"><div class="page-column">${children}</div></div>
    </main>
  `;
}

/**
 * What stands in the place of a list that has nothing to show.
 *
 * @param {{icon: string, title: string, children?: any}} props
 */
export const Nothing = ({ icon, title, children }) => html`
  <div class="nothing">
    <${Icon} name=${icon} size=${32} />
    <strong>${title}</strong>
    ${children}
  </div>
`;
