import { persistently } from "./retrying.js";

/**
 * Who follows a channel.
 *
 * @typedef {object} Consumer
 * @property {(reply: import("./types.js").SubscribeReply) => Promise<void> | void} [load] brings the consumer's state up to
 *   the present: at the start, and again when the log no longer reaches back to where the client left. Events wait until it is done.
 * @property {(envelope: import("./types.js").Envelope) => void} [event] gets every later event, once and in order
 * @property {(envelope: import("./types.js").Envelope) => void} [signal]
 * @property {(reply: import("./types.js").SubscribeReply) => void} [up] the subscription stands, at first and after each
 *   reconnect: the moment to ask for what only signals tell
 * @property {() => void} [down] the connection is lost: what only signals tell is unknown from here on
 * @property {(error: any) => void} [failed] the server refuses the subscription
 */

/**
 * One channel as this client sees it: subscribed anew after each reconnect, from the last event seen
 * on, so that each event reaches the consumers once and in order.
 *
 * Two things make events wait in `#held`: a subscription under way (what it replays goes first), and
 * `hold` (a page of state being loaded, which may be older than an event that overtakes it).
 */
export class Channel {
  #connection;
  #settings;
  #options;
  #report;
  /** `seq` of the last event handed out; null while the consumers' state is not known to be complete. */
  #position = /** @type {number | null} */ (null);
  /** Up to here the server has said that there is nothing else to come. */
  #complete = 0;
  #syncing = true;
  #holds = 0;
  /** @type {import("./types.js").Envelope[]} */
  #held = [];
  /** @type {Set<Consumer>} */
  #consumers = new Set();
  /** Counts connections and repairs, so that what belongs to an earlier one is recognised and dropped. */
  #turn = 0;

  /**
   * @param {string} name
   * @param {object} surroundings
   * @param {import("./connection.js").Connection} surroundings.connection
   * @param {import("./settings.js").Settings} surroundings.settings
   * @param {(error: any) => void} surroundings.report
   * @param {{filter?: string, snapshot?: boolean, token?: string}} surroundings.options of `channel:subscribe`
   */
  constructor(name, { connection, settings, report, options }) {
    this.name = name;
    this.#connection = connection;
    this.#settings = settings;
    this.#report = report;
    this.#options = options;
  }

  /** Where what the reader may not see leaves holes in `seq`, a hole says nothing. */
  get #gapless() {
    return this.name !== "community" && !this.name.startsWith("collection:");
  }

  get filter() {
    return this.#options.filter;
  }

  get hasConsumers() {
    return this.#consumers.size > 0;
  }

  /** @param {Consumer} consumer */
  add(consumer) {
    this.#consumers.add(consumer);
  }

  /** @param {Consumer} consumer */
  remove(consumer) {
    this.#consumers.delete(consumer);
  }

  /**
   * Subscribe, from the last event seen on; repeats itself as long as the reason of a failure may pass.
   *
   * @param {{reload?: boolean}} [options] `reload`: let the consumers load even when nothing was missed, because one is new
   */
  async sync({ reload = false } = {}) {
    const turn = ++this.#turn;
    this.#syncing = true;
    if (reload) this.#position = null;
    try {
      await persistently(() => this.#subscribe(turn), this.#connection, this.#settings);
    } catch (error) {
      if (turn === this.#turn && !(/** @type {any} */ (error).retryable)) this.#fail(error);
    }
  }

  /** @param {number} turn */
  async #subscribe(turn) {
    if (turn !== this.#turn) return;
    const after = this.#position ?? undefined;
    const reply = await this.#connection.call("channel:subscribe", { ...this.#options, channel: this.name, after });
    if (turn !== this.#turn) return;
    if (after === undefined || !reply.recovered) {
      this.#position = null;
      await Promise.all([...this.#consumers].map((consumer) => consumer.load?.(reply)));
      if (turn !== this.#turn) return;
      this.#position = reply.seq;
    } else {
      this.#held = [...reply.events, ...this.#held];
    }
    this.#complete = reply.seq;
    this.#syncing = false;
    for (const consumer of [...this.#consumers]) consumer.up?.(reply);
    this.#release();
  }

  /** @param {import("./types.js").Envelope} envelope as it came from the server */
  receive(envelope) {
    if (envelope.seq === undefined) return this.#tell("signal", envelope);
    if (this.#syncing || this.#holds > 0 || this.#position === null) {
      this.#held.push(envelope);
    } else if (envelope.seq <= this.#position) {
      // Told before, by a replay.
    } else if (this.#gapless && envelope.seq > Math.max(this.#position, this.#complete) + 1) {
      this.#held.push(envelope);
      void this.sync();
    } else {
      this.#position = envelope.seq;
      this.#tell("event", envelope);
    }
  }

  /**
   * Load state while events wait: what `work` fetches may already contain them, and telling them
   * afterwards, each with absolute values, ends at the newest.
   *
   * @template T
   * @param {() => Promise<T>} work
   * @returns {Promise<T>}
   */
  async hold(work) {
    this.#holds++;
    try {
      return await work();
    } finally {
      this.#holds--;
      this.#release();
    }
  }

  /** The connection is lost; what was held will be replayed. */
  down() {
    this.#turn++;
    this.#syncing = true;
    this.#held = [];
    for (const consumer of this.#consumers) consumer.down?.();
  }

  #release() {
    if (this.#syncing || this.#holds > 0) return;
    const held = this.#held;
    this.#held = [];
    for (const envelope of held) this.receive(envelope);
    if (!this.#syncing) this.#position = Math.max(this.#position ?? 0, this.#complete);
  }

  /**
   * @param {"event" | "signal"} kind
   * @param {import("./types.js").Envelope} envelope
   */
  #tell(kind, envelope) {
    for (const consumer of [...this.#consumers]) {
      try {
        consumer[kind]?.(envelope);
      } catch (error) {
        this.#report(error);
      }
    }
  }

  /** @param {any} error */
  #fail(error) {
    for (const consumer of [...this.#consumers]) {
      if (consumer.failed) consumer.failed(error);
      else this.#report(error);
    }
  }
}
