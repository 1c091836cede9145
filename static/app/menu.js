import { Icon } from "./icons.js";
import { html } from "./view.js";

/**
 * @typedef {{label: string, icon: string, danger?: boolean, act: () => void}} MenuItem
 *
 * @param {{label: string, items: MenuItem[], close: () => void}} props
 */
export function Menu({ label, items, close }) {
  const choose = (item) => {
    close();
    item.act();
  };
  return html`
    <div class="menu" role="menu" aria-label=${label} onKeyDown=${moveFocus}>
      ${items.map(
        (item) => html`
          <button
            key=${item.label}
            type="button"
            role="menuitem"
            class="menu-item ${item.danger ? "danger" : ""}"
            onClick=${() => choose(item)}
          >
            <${Icon} name=${item.icon} size=${18} />${item.label}
          </button>
        `,
      )}
    </div>
  `;
}

const STEPS = { ArrowDown: 1, ArrowRight: 1, ArrowUp: -1, ArrowLeft: -1 };

/**
 * Arrow keys, Home and End move the focus among the buttons of a menu or a picker.
 *
 * @param {any} event
 */
export function moveFocus(event) {
  const buttons = [...event.currentTarget.querySelectorAll("button")];
  const step = STEPS[event.key];
  const at = buttons.indexOf(document.activeElement);
  let next;
  if (step) next = (at + step + buttons.length) % buttons.length;
  else if (event.key === "Home") next = 0;
  else if (event.key === "End") next = buttons.length - 1;
  else return;
  event.preventDefault();
  buttons[next].focus();
}
