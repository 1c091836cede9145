import { Observable } from "./observable.js";
import { retryDelay, sleep } from "./retrying.js";

const TOUCHES = ["pointerdown", "pointermove", "keydown", "wheel", "touchstart"];

/**
 * What this connection says of its user: away while the page is hidden or nothing was touched for
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
  #touchedAt = 0;
  #hidden = false;
  #telling = false;
  /** @type {OwnView} what the server has of this connection */
  #told = FRESH;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;

  /** @param {import("./hubbub.js").Surroundings} hubbub */
  constructor(hubbub) {
    super(FRESH);
    this.#hubbub = hubbub;
    hubbub.connection.on("live", () => {
      this.#told = FRESH;
      void this.#tell();
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
      clearTimeout(this.#timer);
      this.#timer = undefined;
    };
  }

  /** The user did something. */
  touched() {
    this.#touchedAt = Date.now();
    this.#look();
  }

  /** @param {boolean} hidden whether the page is out of sight */
  hide(hidden) {
    this.#hidden = hidden;
    if (!hidden) this.#touchedAt = Date.now();
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
    const idle = this.#touchedAt + this.#hubbub.settings.awayAfterMs - Date.now();
    const status = this.#hidden || idle <= 0 ? "away" : "online";
    // One timer serves any number of touches: when it ends it looks how long ago the last one was.
    if (status === "online") this.#timer ??= setTimeout(this.#alarm, idle);
    if (status === this.getSnapshot().status) return;
    this.change({ status });
    void this.#tell();
  }

  #alarm = () => {
    this.#timer = undefined;
    this.#look();
  };

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
 * @param {OwnView} one
 * @param {OwnView} other
 */
const same = (one, other) =>
  one.status === other.status && one.currentPage === other.currentPage && one.activity === other.activity;

/** @type {OwnView} how the server takes a new connection */
const FRESH = Object.freeze({ status: "online", currentPage: null, activity: null });
