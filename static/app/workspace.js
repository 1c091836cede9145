import { usePage } from "./context.js";
import { Dialogs } from "./dialogs.js";
import { Inbox } from "./inbox.js";
import { pageOf } from "./navigation.js";
import { Popup } from "./popup.js";
import { Sidebar } from "./sidebar.js";
import { ToastList } from "./toasts.js";
import { html, useEffect, useStore } from "./view.js";
import { useWhereabouts } from "./whereabouts.js";

const NARROW = matchMedia("(max-width: 760px)");
const PANEL_LIES_ON_TOP = matchMedia("(max-width: 1080px)");

/** The sidebar, the page that was chosen there, and whatever lies on top. */
export function Workspace() {
  const { hubbub, ui, toasts, switchUser } = usePage();
  const { kind, id, drawer, panel } = useStore(ui);
  const { status, error } = useStore(hubbub.connection);
  const { rooms } = useStore(hubbub.chat);
  const unread = rooms.reduce((sum, { unreadCount }) => sum + unreadCount, 0);
  const { View } = pageOf(kind, hubbub.moderates);
  const somewhere = kind !== "rooms" || id !== null;
  useWhereabouts(kind, id);

  useEffect(() => {
    document.title = unread > 0 ? `(${unread}) Hubbub` : "Hubbub";
  }, [unread]);

  useEffect(() => {
    const keys = (event) => {
      if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "k") {
        event.preventDefault();
        ui.openDialog({ kind: "search" });
      } else if (event.key === "Escape" && !event.defaultPrevented) {
        if (panel && PANEL_LIES_ON_TOP.matches) ui.togglePanel();
        else if (somewhere) ui.setDrawer(false);
      }
    };
    addEventListener("keydown", keys);
    return () => removeEventListener("keydown", keys);
  }, [panel, somewhere]);

  if (status === "refused") {
    return html`
      <main class="splash">
        <h1>You are signed out</h1>
        <p class="muted">${error?.message}</p>
        <button class="button primary" onClick=${switchUser}>Sign in again</button>
      </main>
    `;
  }
  return html`
    <div class="workspace ${drawer ? "with-drawer" : ""} ${somewhere ? "" : "at-home"}">
      <${Sidebar} />
      <div class="scrim" onClick=${() => somewhere && ui.setDrawer(false)}></div>
      <${View} key=${`${kind} ${id}`} id=${id} covered=${drawer && NARROW.matches} />
      <${Dialogs} />
      <${Inbox} />
      <${Popup} />
      <${ToastList} toasts=${toasts} />
    </div>
  `;
}
