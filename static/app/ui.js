import { Observable } from "../client/observable.js";

/**
 * What is open on the screen; nothing of it is the server's business.
 *
 * @typedef {{kind: string, [property: string]: any}} Opened   a dialog or pop-up, and what it is given
 *
 * @extends {Observable<{roomId: string | null, drawer: boolean, panel: boolean, dialog: Opened | null, popup: Opened | null, goTo: number | null}>}
 */
export class Ui extends Observable {
  constructor() {
    super({ roomId: roomInAddress(), drawer: roomInAddress() === null, panel: false, dialog: null, popup: null, goTo: null });
    addEventListener("hashchange", this.#follow);
  }

  close() {
    removeEventListener("hashchange", this.#follow);
  }

  /**
   * Show a room, and in it the message of this number.
   *
   * @param {string | null} roomId
   * @param {number | null} [seq]
   */
  show(roomId, seq = null) {
    this.change({ roomId, goTo: seq, drawer: roomId === null, dialog: null, popup: null });
    // The address keeps the room over a reload, and makes the browser's back button go to the one before.
    const address = roomId === null ? "#/" : `#/rooms/${encodeURIComponent(roomId)}`;
    if (location.hash !== address) location.hash = address;
  }

  /** The message that was gone to is in sight. */
  arrived() {
    this.change({ goTo: null });
  }

  /** @param {boolean} drawer the list of rooms, where it lies over the room on narrow screens */
  setDrawer(drawer) {
    this.change({ drawer });
  }

  togglePanel() {
    this.change({ panel: !this.getSnapshot().panel });
  }

  /** @param {Opened} dialog */
  openDialog(dialog) {
    this.change({ dialog, popup: null });
  }

  closeDialog() {
    this.change({ dialog: null });
  }

  /**
   * Open a pop-up, or close it when the same button is pressed again.
   *
   * @param {Opened & {anchor: HTMLElement}} popup
   */
  openPopup(popup) {
    const again = this.getSnapshot().popup?.anchor === popup.anchor;
    this.change({ popup: again ? null : popup });
  }

  closePopup() {
    this.change({ popup: null });
  }

  #follow = () => {
    const roomId = roomInAddress();
    if (roomId !== this.getSnapshot().roomId) this.show(roomId);
  };
}

function roomInAddress() {
  const match = location.hash.match(/^#\/rooms\/([^/]+)$/u);
  return match ? decodeURIComponent(match[1]) : null;
}
