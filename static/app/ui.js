import { Observable } from "../client/observable.js";

/**
 * What is open on the screen; nothing of it is the server's business.
 *
 * @typedef {{kind: string, [property: string]: any}} Opened   a dialog or pop-up, and what it is given
 *
 * @typedef {object} UiView
 * @property {string} kind                  of page: a key of PAGES in navigation.js
 * @property {string | null} id             of what the page shows
 * @property {string | null} roomId         the same, of a room
 * @property {boolean} drawer
 * @property {boolean} panel
 * @property {HTMLElement | null} inbox     the bell that the notifications stand beside
 * @property {Opened | null} dialog
 * @property {Opened | null} popup
 * @property {number | null} goTo          number of the message to show
 *
 * @extends {Observable<UiView>}
 */
export class Ui extends Observable {
  constructor() {
    super({ ...placeInAddress(), panel: false, inbox: null, dialog: null, popup: null });
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
    this.go("rooms", roomId, seq);
  }

  /**
   * Show a page.
   *
   * @param {string} kind a key of PAGES in navigation.js
   * @param {string | null} [id]
   * @param {number | null} [goTo]
   */
  go(kind, id = null, goTo = null) {
    this.change({ ...placeOf(kind, id, goTo), dialog: null, popup: null });
    const address = id === null ? `#/${kind}` : `#/${kind}/${encodeURIComponent(id)}`;
    this.#keep(kind === "rooms" && id === null ? "#/" : address);
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
    const { kind, id, goTo } = placeInAddress();
    const shown = this.getSnapshot();
    if (kind !== shown.kind || id !== shown.id || goTo !== null) this.go(kind, id, goTo);
  };
}

/**
 * @param {string} kind
 * @param {string | null} id
 * @param {number | null} goTo
 */
function placeOf(kind, id, goTo) {
  const roomId = kind === "rooms" ? id : null;
  return { kind, id, goTo, roomId, drawer: kind === "rooms" && id === null };
}

/** `#/{kind}` or `#/{kind}/{id}`, such as `#/trips/lisbon`; `#/rooms/{id}/{seq}` for one of a room's messages. */
function placeInAddress() {
  const [, kind, id, seq] = location.hash.match(/^#\/([a-z]+)(?:\/([^/]+))?(?:\/(\d+))?$/u) ?? [];
  return placeOf(kind ?? "rooms", id ? decodeURIComponent(id) : null, kind === "rooms" && seq ? Number(seq) : null);
}
