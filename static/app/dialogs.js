import { AddPicture } from "./add-picture.js";
import { ConflictsDialog } from "./conflicts-dialog.js";
import { Confirm } from "./confirm.js";
import { usePage } from "./context.js";
import { CreateRoom } from "./create-room.js";
import { Discover } from "./discover.js";
import { DocumentShare } from "./document-share.js";
import { DocumentTitle } from "./document-title.js";
import { DocumentVersions } from "./document-versions.js";
import { NotificationSettings } from "./notification-settings.js";
import { Invite, NewDirect } from "./pick-person.js";
import { PictureViewer } from "./picture-viewer.js";
import { PostEditor } from "./post-editor.js";
import { Reason } from "./reason.js";
import { RoomSettings } from "./room-settings.js";
import { Sanction } from "./sanction.js";
import { Search } from "./search.js";
import { Shortcuts } from "./shortcuts.js";
import { StoryEditor } from "./story-editor.js";
import { TaskEditor } from "./task-editor.js";
import { html, useStore } from "./view.js";

const KINDS = {
  confirm: Confirm,
  conflicts: ConflictsDialog,
  create: CreateRoom,
  direct: NewDirect,
  discover: Discover,
  "document-share": DocumentShare,
  "document-title": DocumentTitle,
  "document-versions": DocumentVersions,
  invite: Invite,
  notifications: NotificationSettings,
  picture: AddPicture,
  post: PostEditor,
  reason: Reason,
  sanction: Sanction,
  search: Search,
  settings: RoomSettings,
  shortcuts: Shortcuts,
  story: StoryEditor,
  task: TaskEditor,
  viewer: PictureViewer,
};

/** The one dialog that is open, if any. */
export function Dialogs() {
  const { ui } = usePage();
  const { dialog } = useStore(ui);
  if (!dialog) return null;
  const Kind = KINDS[dialog.kind];
  return html`<${Kind} key=${dialog.kind} ...${dialog} close=${() => ui.closeDialog()} />`;
}
