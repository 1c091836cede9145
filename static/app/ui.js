import { Observable } from "../client/observable.js";

/**
 * What is open on the screen; nothing of it is the server's business.
 *
 * @typedef {{kind: string, [property: string]: any}} Opened   a dialog or pop-up, and what it is given
 *
 * @typedef {object} UiView
 * @property {string | null} roomId
 * @property {string | null} tripId
 * @property {boolean} drawer
 * @property {boolean} panel
 * @property {HTMLElement | null} inbox     the bell that the notifications stand beside
 * @property {Opened | null} dialog
 * @property {Opened | null} popup
 * @property {number | null} goTo
 *
 * @extends {Observable<UiView>}
 */
export class Ui extends Observable {
  constructor() {
    const place = placeInAddress();
    const drawer = place.roomId === null && place.tripId === null;
    super({ ...place, drawer, panel: false, inbox: null, dialog: null, popup: null });
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
    this.change({ roomId, tripId: null, goTo: seq, drawer: roomId === null, dialog: null, popup: null });
    this.#keep(roomId === null ? "#/" : `#/rooms/${encodeURIComponent(roomId)}`);
  }

  /** @param {string} tripId */
  showTrip(tripId) {
    this.change({ roomId: null, tripId, goTo: null, drawer: false, dialog: null, popup: null });
    this.#keep(`#/trips/${encodeURIComponent(tripId)}`);
  }

  /**
   * Open the notifications, or close them when the bell is pressed again.
   *
   * @param {HTMLElement} bell
   */
  toggleInbox(bell) {
    this.change({ inbox: this.getSnapshot().inbox ? null : bell, popup: null });
  }

  closeInbox() {
    this.change({ inbox: null });
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

  /**
   * The address keeps the place over a reload, and makes the browser's back button go to the one before.
   *
   * @param {string} address
   */
  #keep(address) {
    if (location.hash !== address) location.hash = address;
  }

  #follow = () => {
    const { roomId, tripId, goTo } = placeInAddress();
    const shown = this.getSnapshot();
    if (tripId !== null && tripId !== shown.tripId) this.showTrip(tripId);
    else if (tripId === null && (roomId !== shown.roomId || shown.tripId !== null || goTo !== null)) this.show(roomId, goTo);
  };
}

/**
 * `#/rooms/{id}`, `#/rooms/{id}/{seq}` for one of its messages, `#/trips/{id}`.
 *
 * @returns {{roomId: string | null, tripId: string | null, goTo: number | null}}
 */
function placeInAddress() {
  const [, kind, id, seq] = location.hash.match(/^#\/(rooms|trips)\/([^/]+)(?:\/(\d+))?$/u) ?? [];
  return {
    roomId: kind === "rooms" ? decodeURIComponent(id) : null,
    tripId: kind === "trips" ? decodeURIComponent(id) : null,
    goTo: kind === "rooms" && seq ? Number(seq) : null,
  };
}
