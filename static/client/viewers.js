import { Observable } from "./observable.js";

/**
 * Who looks at something at this moment: `count` people, and the first five of them. Watching this
 * store is looking: its watcher is counted among the viewers.
 *
 * @extends {Observable<{count: number, viewers: import("./types.js").User[]}>}
 */
export class Viewers extends Observable {
  #channels;
  #channel;
  #signalled = false;
  /** @type {ReturnType<import("./channels.js").Channels["follow"]> | null} */
  #subscription = null;

  /**
   * @param {import("./channels.js").Channels} channels
   * @param {string} channel `{type}:{id}:viewers`
   */
  constructor(channels, channel) {
    super(NOBODY);
    this.#channels = channels;
    this.#channel = channel;
  }

  /** @protected */
  wake() {
    const consumer = {
      up: (/** @type {import("./types.js").SubscribeReply} */ { snapshot }) => {
        // What was signalled meanwhile may be newer; were it older, another signal would follow.
        if (!this.#signalled && snapshot) this.#adopt(snapshot);
      },
      signal: (/** @type {import("./types.js").Envelope} */ { event, data }) => {
        if (event !== "viewers:changed") return;
        this.#signalled = true;
        this.#adopt(data);
      },
      down: () => (this.#signalled = false),
    };
    this.#signalled = false;
    this.#subscription = this.#channels.follow(this.#channel, consumer, { snapshot: true });
  }

  /** @protected */
  rest() {
    this.#subscription?.close();
    this.#subscription = null;
    this.change(NOBODY);
  }

  /** @param {{count: number, viewers: import("./types.js").User[]}} seen */
  #adopt({ count, viewers }) {
    this.change({ count, viewers });
  }
}

/** @type {{count: number, viewers: import("./types.js").User[]}} */
const NOBODY = Object.freeze({ count: 0, viewers: [] });
