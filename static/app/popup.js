import { usePage } from "./context.js";
import { EmojiPicker } from "./emoji-picker.js";
import { Menu } from "./menu.js";
import { html, useLayoutEffect, useRef, useStore } from "./view.js";

const KINDS = { menu: Menu, emoji: EmojiPicker };
const MARGIN = 8;

/**
 * The one pop-up: a menu or the emoji picker, beside the button that opened it. The browser closes it
 * on Escape and on a click elsewhere, and gives the focus back to the button.
 */
export function Popup() {
  const { ui } = usePage();
  const { popup } = useStore(ui);
  const ref = useRef(null);

  useLayoutEffect(() => {
    const element = ref.current;
    if (!popup) {
      if (element.matches(":popover-open")) element.hidePopover();
      return;
    }
    if (!element.matches(":popover-open")) element.showPopover({ source: popup.anchor });
    place(element, popup.anchor.getBoundingClientRect());
    element.querySelector("button:not(:disabled), input")?.focus();
  }, [popup]);

  // Hidden while its content still has the focus, so that the browser gives that back.
  const close = () => ref.current.hidePopover();
  const toggled = (event) => {
    if (event.newState === "closed") ui.closePopup();
  };
  return html`
    <div class="popup" popover="auto" ref=${ref} onToggle=${toggled}>
      ${popup && html`<${KINDS[popup.kind]} ...${popup} close=${close} />`}
    </div>
  `;
}

/**
 * Below the anchor and flush with its right edge; above it or moved in where the window ends.
 *
 * @param {HTMLElement} element
 * @param {DOMRect} anchor
 */
function place(element, anchor) {
  const { offsetWidth: width, offsetHeight: height } = element;
  const below = anchor.bottom + 4;
  const top = below + height + MARGIN <= innerHeight ? below : Math.max(MARGIN, anchor.top - height - 4);
  const left = Math.min(Math.max(MARGIN, anchor.right - width), innerWidth - width - MARGIN);
  element.style.top = `${top}px`;
  element.style.left = `${left}px`;
}
