import { usePage } from "./context.js";
import { Icon } from "./icons.js";
import { html, useStore } from "./view.js";

/**
 * A button that is pressed or not, and how many people have pressed theirs.
 *
 * @param {{name: string, icon: string, label: string, mark: import("../client/mark.js").Mark<any>, onToggle: () => void}} props
 */
function MarkButton({ name, icon, label, mark, onToggle }) {
  const { mine, count, status } = useStore(mark);
  return html`
    <button type="button" class="button toggle toggle-${name}" aria-pressed=${mine ? "true" : "false"}
      aria-label=${`${label}: ${count}`} disabled=${status === "loading"} onClick=${onToggle}>
      <${Icon} name=${icon} size=${18} filled=${mine} /><span>${label}</span><span class="toggle-count">${count.toLocaleString("en")}</span>
    </button>
  `;
}

/** @param {{type: string, id: string}} props */
export function LikeButton({ type, id }) {
  const { hubbub, toasts } = usePage();
  const { likes } = hubbub.entity(type, id);
  return html`<${MarkButton} name="like" icon="heart" label="Like" mark=${likes} onToggle=${() => likes.toggle().catch(toasts.fail)} />`;
}

/** @param {{type: string, id: string}} props */
export function SaveButton({ type, id }) {
  const { hubbub, ui, toasts } = usePage();
  const { saves } = hubbub.entity(type, id);
  const toggle = async () => {
    const saving = !saves.getSnapshot().mine;
    try {
      await saves.toggle();
    } catch (error) {
      return toasts.fail(error);
    }
    const action = saving ? { label: "See all", act: () => ui.go("saved") } : null;
    toasts.show({ topic: `save ${type} ${id}`, level: "success", text: saving ? "Saved!" : "Unsaved!", action });
  };
  return html`<${MarkButton} name="save" icon="bookmark" label="Save" mark=${saves} onToggle=${toggle} />`;
}
