import { Observable } from "./observable.js";
import { persistently } from "./retrying.js";

/**
 * A store that hears of something while it is watched, and is brought up to the present when that begins.
 *
 * @template T
 * @extends {Observable<T>}
 */
export class Followed extends Observable {
  #follow;
  /** @type {ReturnType<import("./channels.js").Channels["follow"]> | null} */
  #subscription = null;
  /** @type {(() => void) | null} loads what could not be loaded when an event told of it */
  #missed = null;

  /**
   * @param {T} initial
   * @param {(consumer: import("./channel.js").Consumer) => ReturnType<import("./channels.js").Channels["follow"]>} follow
   *   begins to hear: of a channel, or of the community
   */
  constructor(initial, follow) {
    super(initial);
    this.#follow = follow;
  }

  /** @protected */
  wake() {
    this.#subscription = this.#follow({
      load: (reply) => this.load(reply),
      event: (envelope) => this.apply(envelope),
      signal: (envelope) => this.signalled(envelope),
      up: () => this.#madeGood(),
      down: () => this.down(),
      failed: (error) => this.failed(error),
    });
  }

  /** @protected */
  rest() {
    this.#subscription?.close();
    this.#subscription = null;
    this.#missed = null;
    this.down();
  }

  /** @protected */
  get awake() {
    return this.#subscription !== null;
  }

  /**
   * Let events wait while `work` loads.
   *
   * @protected
   * @template R
   * @param {() => Promise<R>} work
   * @returns {Promise<R>}
   */
  hold(work) {
    return this.#subscription ? this.#subscription.hold(work) : work();
  }

  /**
   * Load what an event tells of but does not hold. What a lost connection leaves undone is made good by loading everything
   * when this is heard again.
   *
   * @protected
   * @param {Pick<import("./hubbub.js").Surroundings, "connection" | "settings" | "report">} hubbub
   * @param {() => Promise<any>} work
   */
  async catchUp(hubbub, work) {
    try {
      await this.hold(() => persistently(work, hubbub.connection, hubbub.settings));
    } catch (error) {
      if (/** @type {any} */ (error).retryable) this.#missed = () => void this.catchUp(hubbub, () => this.load(undefined));
      else hubbub.report(error);
    }
  }

  #madeGood() {
    const missed = this.#missed;
    this.#missed = null;
    missed?.();
  }

  /**
   * Bring the store up to the present.
   *
   * @protected
   * @param {any} _reply of the subscription, with its snapshot
   * @returns {Promise<void>}
   */
  async load(_reply) {}

  /**
   * @protected
   * @param {import("./types.js").Envelope} _envelope
   */
  apply(_envelope) {}

  /**
   * @protected
   * @param {import("./types.js").Envelope} _envelope
   */
  signalled(_envelope) {}

  /**
   * What only signals tell is unknown from here on.
   *
   * @protected
   */
  down() {}

  /**
   * The server refuses: nothing will be heard.
   *
   * @protected
   * @param {any} error
   */
  failed(error) {
    this.change(/** @type {any} */ ({ status: "failed", error }));
  }
}
