import { Observable } from "./observable.js";
import { retryDelay, sleep } from "./retrying.js";

const TOUCHES = ["pointerdown", "pointermove", "keydown", "wheel", "touchstart"];

/**
 * What this connection says of its user: away when the page is hidden or nothing was touched for
 * `awayAfterMs`, online again at once; and where they are and what they do, if the app says so.
 *
 * An open connection is its own heartbeat, so `presence:heartbeat` is left to clients without one.
 *
 * @typedef {{status: "online" | "away", currentPage: string | null, activity: string | null}} OwnView
 *
 * @extends {Observable<OwnView>}
 */
export class OwnPresence extends Observable {
  #hubbub;
  /** When the user did something last; null while nobody looks after that. */
  #touchedAt = /** @type {number | null} */ (null);
  /** Since when the page is out of sight; null while it is in sight. */
  #hiddenAt = /** @type {number | null} */ (null);
  #telling = false;
  /** @type {OwnView | null} what the server has of this connection, as far as is known */
  #told = FRESH;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;
  #alarmAt = 0;

  /** @param {import("./hubbub.js").Surroundings} hubbub */
  constructor(hubbub) {
    super(FRESH);
    this.#hubbub = hubbub;
    hubbub.connection.on("live", ({ recovered }) => {
      // One that is taken up again says what it said; what came of a call that was not answered is not known.
      this.#told = recovered ? null : FRESH;
      void this.#tell();
    });
    hubbub.connection.subscribe(() => {
      if (hubbub.connection.getSnapshot().status === "closed") this.#disarm();
    });
  }

  /**
   * Follow a page: its visibility, and whether its user touches anything. Without this the user is online.
   *
   * @param {Document} page
   * @returns {() => void} ends it
   */
  attend(page) {
    const touched = () => this.touched();
    const turned = () => this.hide(page.visibilityState === "hidden");
    for (const name of TOUCHES) page.addEventListener(name, touched, { capture: true, passive: true });
    page.addEventListener("visibilitychange", turned);
    this.touched();
    turned();
    return () => {
      for (const name of TOUCHES) page.removeEventListener(name, touched, { capture: true });
      page.removeEventListener("visibilitychange", turned);
      this.#disarm();
    };
  }

  /** The user did something. */
  touched() {
    this.#touchedAt = Date.now();
    this.#look();
  }

  /** @param {boolean} hidden whether the page is out of sight */
  hide(hidden) {
    if (hidden) this.#hiddenAt ??= Date.now();
    else this.#hiddenAt = null;
    if (!hidden && this.#touchedAt !== null) this.#touchedAt = Date.now();
    this.#look();
  }

  /**
   * Where the user is and what they do; both are seen by everyone who is signed in.
   *
   * @param {{currentPage?: string | null, activity?: string | null}} whereabouts
   */
  tell({ currentPage = null, activity = null }) {
    this.change({ currentPage, activity });
    void this.#tell();
  }

  #look() {
    const { awayAfterMs, hiddenAfterMs } = this.#hubbub.settings;
    const idleAt = this.#touchedAt === null ? Infinity : this.#touchedAt + awayAfterMs;
    const left = (this.#hiddenAt === null ? idleAt : this.#hiddenAt + hiddenAfterMs) - Date.now();
    const status = left <= 0 ? "away" : "online";
    if (status === "online" && left < Infinity) this.#alarmIn(left);
    if (status === this.getSnapshot().status) return;
    this.change({ status });
    void this.#tell();
  }

  /**
   * One timer serves any number of touches: when it ends it looks how long ago the last one was.
   *
   * @param {number} ms
   */
  #alarmIn(ms) {
    if (this.#timer !== undefined && Date.now() + ms >= this.#alarmAt) return;
    clearTimeout(this.#timer);
    this.#alarmAt = Date.now() + ms;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      this.#look();
    }, ms);
  }

  #disarm() {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  /** Tell the server, one call at a time, until it has the newest. */
  async #tell() {
    const { connection, settings, report } = this.#hubbub;
    if (this.#telling) return;
    this.#telling = true;
    let attempt = 0;
    while (connection.live && !same(this.#told, this.getSnapshot())) {
      const view = this.getSnapshot();
      try {
        await connection.call("presence:update", view);
        this.#told = view;
        attempt = 0;
      } catch (failure) {
        const error = /** @type {import("./errors.js").HubbubError} */ (failure);
        if (!error.retryable) {
          report(error);
          this.#told = view;
        } else if (connection.live) {
          await sleep(retryDelay(attempt++, error, settings));
        }
      }
    }
    this.#telling = false;
  }
}

/**
 * @param {OwnView | null} one
 * @param {OwnView} other
 */
const same = (one, other) =>
  one?.status === other.status && one.currentPage === other.currentPage && one.activity === other.activity;

/** @type {OwnView} how the server takes a new connection */
const FRESH = Object.freeze({ status: "online", currentPage: null, activity: null });
