const ACTS = ["pointerdown", "keydown", "wheel", "touchmove"];

/**
 * Asks again and again, at a pace that follows the user: only while the tab is visible, after a short
 * pause at first and longer ones while nothing comes, and after the short one again when something
 * came or the user does something.
 */
export class Pacing {
  #ask;
  #settings;
  #page;
  #pause;
  #askedAt = 0;
  #running = false;
  #asking = false;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;

  /**
   * @param {object} options
   * @param {() => Promise<{came: boolean, within?: number}>} options.ask whether something came, and how soon to ask again at the latest, in ms
   * @param {import("./settings.js").Settings} options.settings
   * @param {any} [options.page] `document`, where there is one
   */
  constructor({ ask, settings, page = globalThis.document }) {
    this.#ask = ask;
    this.#settings = settings;
    this.#page = page;
    this.#pause = settings.pollMs;
  }

  /** Ask now, and go on. */
  start() {
    if (this.#running) return;
    this.#running = true;
    this.#pause = this.#settings.pollMs;
    this.#page?.addEventListener("visibilitychange", this.#look);
    for (const act of ACTS) this.#page?.addEventListener(act, this.#acted, { passive: true, capture: true });
    this.#look();
  }

  stop() {
    this.#running = false;
    clearTimeout(this.#timer);
    this.#page?.removeEventListener("visibilitychange", this.#look);
    for (const act of ACTS) this.#page?.removeEventListener(act, this.#acted, { capture: true });
  }

  get #visible() {
    return this.#page?.visibilityState !== "hidden";
  }

  #look = () => {
    clearTimeout(this.#timer);
    if (!this.#visible) return;
    this.#pause = this.#settings.pollMs;
    this.#schedule(0);
  };

  #acted = () => {
    if (this.#pause === this.#settings.pollMs) return;
    this.#pause = this.#settings.pollMs;
    this.#schedule(this.#askedAt + this.#pause - performance.now());
  };

  /** @param {number} ms */
  #schedule(ms) {
    clearTimeout(this.#timer);
    if (!this.#running || this.#asking || !this.#visible) return;
    this.#timer = setTimeout(() => void this.#run(), Math.max(0, ms));
  }

  async #run() {
    this.#asking = true;
    this.#askedAt = performance.now();
    const before = this.#pause;
    const { came, within = Infinity } = await this.#ask();
    this.#asking = false;
    const { pollMs, pollMaxMs, pollGrowth } = this.#settings;
    // Who did something while the answer was on its way has set the pause back: it is not lengthened then.
    if (came) this.#pause = pollMs;
    else if (this.#pause === before) this.#pause = Math.min(pollMaxMs, before * pollGrowth);
    this.#schedule(Math.min(came || this.#pause < before ? pollMs : before, within));
  }
}
