import { Confirm } from "./confirm.js";
import { usePage } from "./context.js";
import { CreateRoom } from "./create-room.js";
import { Discover } from "./discover.js";
import { NotificationSettings } from "./notification-settings.js";
import { Invite, NewDirect } from "./pick-person.js";
import { RoomSettings } from "./room-settings.js";
import { Search } from "./search.js";
import { Shortcuts } from "./shortcuts.js";
import { html, useStore } from "./view.js";

const KINDS = {
  confirm: Confirm,
  create: CreateRoom,
  direct: NewDirect,
  discover: Discover,
  invite: Invite,
  notifications: NotificationSettings,
  search: Search,
  settings: RoomSettings,
  shortcuts: Shortcuts,
};

/** The one dialog that is open, if any. */
export function Dialogs() {
  const { ui } = usePage();
  const { dialog } = useStore(ui);
  if (!dialog) return null;
  const Kind = KINDS[dialog.kind];
  return html`<${Kind} key=${dialog.kind} ...${dialog} close=${() => ui.closeDialog()} />`;
}
