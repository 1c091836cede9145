import { CommunityStream } from "./community-stream.js";
import { Observable } from "./observable.js";
import { TypingReporter } from "./typing.js";

/**
 * The events of stories and posts, whichever way they come: over the Socket.IO connection while it
 * stands; when it has been away for `communityFallbackMs`, as server-sent events with five attempts at
 * growing pauses, and by polling as the last resort, until the connection is back. The ways share one position,
 * so that each event is told once, in order.
 *
 * Its snapshot is `{enabled, isConnected, transport, attempt, error, typing}`; it is heard while somebody
 * watches it or listens.
 *
 * @typedef {object} CommunityView
 * @property {boolean} enabled
 * @property {boolean} isConnected
 * @property {"socket" | "stream" | "polling" | null} transport
 * @property {number} attempt               of the stream, since it was lost
 * @property {any} error
 * @property {{id: string, name: string}[]} typing   others who are writing a post; told over the connection alone
 *
 * @extends {Observable<CommunityView>}
 */
export class Community extends Observable {
  #hubbub;
  #stream;
  /** @type {Set<import("./channel.js").Consumer>} */
  #consumers = new Set();
  /** @type {ReturnType<import("./channels.js").Channels["follow"]> | null} */
  #subscription = null;
  /** @type {number | null} */
  #position = null;
  #holds = 0;
  /** @type {import("./types.js").Envelope[]} */
  #held = [];
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;
  #standby = false;
  #watched = false;

  /**
   * @param {import("./hubbub.js").Surroundings} hubbub
   * @param {{EventSource?: any, document?: any}} [browser]
   */
  constructor(hubbub, browser = globalThis) {
    super({ enabled: true, ...AWAY });
    this.#hubbub = hubbub;
    this.typing = new TypingReporter(hubbub.connection, "community", hubbub.settings);
    this.#stream = new CommunityStream(
      hubbub,
      {
        position: () => this.#position,
        told: (envelope) => this.#receive(envelope),
        reload: (seq) => this.#reload(seq),
        changed: (state) => this.#heardOtherwise(state),
      },
      browser,
    );
  }

  /**
   * Hear of events by their names; `revalidate` is called when what was missed cannot be told, and so what is shown
   * has to be loaded anew, and at the beginning.
   *
   * @param {Record<string, (data: any, envelope: import("./types.js").Envelope | null) => void>} handlers such as `{"story:published": show}`
   * @param {{autoRevalidate?: boolean}} [options]
   * @returns {() => void} ends it
   */
  listen(handlers, { autoRevalidate = true } = {}) {
    const subscription = this.follow({
      load: async () => {
        if (autoRevalidate) await handlers.revalidate?.(null, null);
      },
      event: (envelope) => handlers[envelope.event]?.(envelope.data, envelope),
      signal: (envelope) => handlers[envelope.event]?.(envelope.data, envelope),
    });
    return subscription.close;
  }

  /**
   * Follow the community as `channels.follow` does a channel.
   *
   * @param {import("./channel.js").Consumer} consumer
   */
  follow(consumer) {
    this.#consumers.add(consumer);
    // Otherwise it loads with the others, as soon as the community is heard.
    if (this.getSnapshot().isConnected || this.#holds > 0) {
      this.#hubbub.background(this.#hold(async () => consumer.load?.(NOTHING)));
    }
    this.#settle();
    return {
      hold: this.#hold,
      close: () => {
        this.#consumers.delete(consumer);
        this.#settle();
      },
    };
  }

  /** @param {boolean} enabled whether to hear at all */
  enable(enabled) {
    this.change({ enabled });
    this.#settle();
  }

  disconnect() {
    this.enable(false);
  }

  /** Try again from the beginning, without sitting out a pause. */
  reconnect() {
    this.enable(true);
    if (!this.#standby) return this.#takeOver();
    this.#stream.stop();
    this.#stream.start();
  }

  /** @protected */
  wake() {
    this.#watched = true;
    this.#settle();
  }

  /** @protected */
  rest() {
    this.#watched = false;
    this.#settle();
  }

  /** Begin or end, as it is wanted. */
  #settle() {
    const wanted = this.getSnapshot().enabled && (this.#watched || this.#consumers.size > 0);
    if (wanted === (this.#subscription !== null)) return;
    if (wanted) {
      const consumer = {
        load: (/** @type {import("./types.js").SubscribeReply} */ { seq }) => this.#reload(seq),
        event: (/** @type {import("./types.js").Envelope} */ envelope) => this.#receive(envelope),
        signal: (/** @type {import("./types.js").Envelope} */ envelope) => this.#signalled(envelope),
        up: (/** @type {import("./types.js").SubscribeReply} */ reply) => this.#up(reply),
        down: () => this.#down(),
        failed: (/** @type {any} */ error) => {
          this.change({ isConnected: false, error });
          this.#takeOver();
        },
      };
      this.#subscription = this.#hubbub.channels.follow("community", consumer, { snapshot: true });
      this.#down();
    } else {
      this.#subscription?.close();
      this.#subscription = null;
      this.#leaveStream();
      this.#position = null;
      this.#held = [];
      this.change(AWAY);
    }
  }

  /** @param {import("./types.js").SubscribeReply} reply */
  #up({ snapshot }) {
    this.#leaveStream();
    this.#writing(snapshot?.typing);
    this.change({ isConnected: true, transport: "socket", attempt: 0, error: null });
    this.#tellUp();
  }

  /** @param {Partial<CommunityView>} state of the stream, or of polling */
  #heardOtherwise(state) {
    const before = this.getSnapshot().isConnected;
    this.change(state);
    if (!before && state.isConnected) this.#tellUp();
  }

  #tellUp() {
    for (const consumer of [...this.#consumers]) consumer.up?.(NOTHING);
  }

  #down() {
    if (!this.#subscription) return;
    if (this.getSnapshot().transport === "socket") this.change({ isConnected: false, transport: null, typing: [] });
    for (const consumer of this.#consumers) consumer.down?.();
    clearTimeout(this.#timer);
    if (!this.#standby) this.#timer = setTimeout(() => this.#takeOver(), this.#hubbub.settings.communityFallbackMs);
  }

  #takeOver() {
    clearTimeout(this.#timer);
    if (this.#standby || !this.#subscription || this.getSnapshot().transport === "socket") return;
    this.#standby = true;
    this.#stream.start();
  }

  #leaveStream() {
    clearTimeout(this.#timer);
    if (this.#standby) this.#stream.stop();
    this.#standby = false;
  }

  /**
   * Let the consumers load, while events wait.
   *
   * @param {number | null} seq of the newest event that what they load holds for certain
   */
  async #reload(seq) {
    await this.#hold(async () => {
      await Promise.all([...this.#consumers].map((consumer) => consumer.load?.(NOTHING)));
      if (seq !== null) this.#position = seq;
    });
  }

  /** @type {ReturnType<import("./channels.js").Channels["follow"]>["hold"]} */
  #hold = async (work) => {
    this.#holds++;
    try {
      return await work();
    } finally {
      this.#holds--;
      if (this.#holds === 0) for (const envelope of this.#held.splice(0)) this.#receive(envelope);
    }
  };

  /** @param {import("./types.js").Envelope} envelope */
  #receive(envelope) {
    if (envelope.seq === undefined) return this.#signalled(envelope);
    if (this.#holds > 0) return void this.#held.push(envelope);
    // Told before, the other way.
    if (this.#position !== null && envelope.seq <= this.#position) return;
    this.#position = envelope.seq;
    this.#tell("event", envelope);
  }

  /** @param {import("./types.js").Envelope} envelope */
  #signalled(envelope) {
    if (envelope.event === "typing:changed") this.#writing(envelope.data.users);
    this.#tell("signal", envelope);
  }

  /** @param {{id: string, name: string}[]} [users] */
  #writing(users = []) {
    this.change({ typing: users.filter(({ id }) => id !== this.#hubbub.me.id) });
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
        this.#hubbub.report(error);
      }
    }
  }
}

/** @type {Omit<CommunityView, "enabled">} */
const AWAY = { isConnected: false, transport: null, attempt: 0, error: null, typing: [] };

/** @type {any} what consumers are told when they load: only a channel's own subscription has more to say */
const NOTHING = Object.freeze({});
