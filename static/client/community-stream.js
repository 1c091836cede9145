import { HubbubError } from "./errors.js";
import { Pacing } from "./pacing.js";
import { request } from "./rest.js";

/**
 * The channel `community` for a browser that gets no Socket.IO connection: as server-sent events, and
 * where those do not come through either, after as many attempts as the settings allow, by polling.
 *
 * @typedef {object} Listener
 * @property {() => number | null} position  `seq` of the last event heard; null where nothing is loaded
 * @property {(envelope: import("./types.js").Envelope) => void} told
 * @property {(seq: number | null) => Promise<void>} reload  load anew what the log tells no more; null: from wherever it is
 * @property {(state: {transport: "stream" | "polling", isConnected: boolean, attempt: number, error: HubbubError | null}) => void} changed
 */
export class CommunityStream {
  #hubbub;
  #listener;
  #browser;
  /** @type {any} */
  #source = null;
  #attempt = 0;
  #openedAt = Infinity;
  #pacing;
  #polling = false;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;
  /** Counts streams, so that what an earlier one brings is recognised and dropped. */
  #turn = 0;

  /**
   * @param {Pick<import("./hubbub.js").Surroundings, "settings" | "session" | "url">} hubbub
   * @param {Listener} listener
   * @param {{EventSource?: any, document?: any}} [browser]
   */
  constructor(hubbub, listener, browser = globalThis) {
    this.#hubbub = hubbub;
    this.#listener = listener;
    this.#browser = browser;
    this.#pacing = new Pacing({ ask: () => this.#poll(), settings: hubbub.settings, page: browser.document });
  }

  start() {
    this.#attempt = 0;
    if (this.#browser.EventSource) this.#open();
    else this.#startPolling();
  }

  stop() {
    this.#turn++;
    this.#polling = false;
    clearTimeout(this.#timer);
    this.#pacing.stop();
    this.#source?.close();
    this.#source = null;
  }

  #open() {
    const turn = ++this.#turn;
    const { session, url } = this.#hubbub;
    const query = new URLSearchParams();
    const position = this.#listener.position();
    if (position !== null) query.set("after", String(position));
    if (session.token) query.set("token", session.token);
    const source = new this.#browser.EventSource(`${url}/api/community/events?${query}`);
    this.#source = source;
    source.onopen = () => void this.#opened(turn);
    source.onmessage = (/** @type {{data: string}} */ { data }) => {
      if (turn !== this.#turn) return;
      this.#attempt = 0;
      const envelope = JSON.parse(data);
      if (envelope.channel) this.#listener.told(envelope);
    };
    source.addEventListener("reset", (/** @type {{data: string}} */ { data }) => {
      if (turn === this.#turn) this.#listener.reload(JSON.parse(data).seq).catch((error) => this.#lost(turn, error));
    });
    // The browser's own attempts have neither an end nor growing pauses.
    source.onerror = () => this.#lost(turn, new HubbubError({ code: "unavailable", message: "The stream was lost." }));
  }

  /** @param {number} turn */
  async #opened(turn) {
    try {
      // Behind the beginning of the stream, so that nothing falls between the two.
      if (this.#listener.position() === null) await this.#listener.reload(null);
    } catch (error) {
      return this.#lost(turn, error);
    }
    if (turn !== this.#turn) return;
    this.#openedAt = performance.now();
    this.#changed("stream", true, null);
  }

  /**
   * @param {number} turn
   * @param {any} error
   */
  #lost(turn, error) {
    if (turn !== this.#turn) return;
    const { streamAttempts, retryDelayMs, retryDelayMaxMs } = this.#hubbub.settings;
    this.stop();
    // One that is cut as soon as it opens does not get through.
    if (performance.now() - this.#openedAt > retryDelayMaxMs) this.#attempt = 0;
    this.#openedAt = Infinity;
    if (this.#attempt >= streamAttempts) return this.#startPolling(error);
    const pause = retryDelayMs * 2 ** this.#attempt++ * (0.75 + Math.random() / 4);
    this.#changed("stream", false, error);
    this.#timer = setTimeout(() => this.#open(), pause);
  }

  #startPolling(error = null) {
    this.#polling = true;
    this.#changed("polling", false, error);
    this.#pacing.start();
  }

  async #poll() {
    const { session, url } = this.#hubbub;
    const after = this.#listener.position();
    try {
      const query = new URLSearchParams({ channel: "community", ...(after !== null && { after: String(after) }) });
      const reply = await request("GET", `/api/poll?${query}`, { url, token: session.token });
      if (!this.#polling) return { came: false };
      if (after === null || !reply.recovered) await this.#listener.reload(reply.seq);
      for (const envelope of reply.events) this.#listener.told(envelope);
      this.#changed("polling", true, null);
      return { came: reply.events.length > 0, within: reply.hasMore ? 0 : reply.retryAfter * 1000 };
    } catch (error) {
      if (this.#polling) this.#changed("polling", false, error);
      // Who is not let in asks no more.
      if (!(/** @type {any} */ (error).retryable)) this.#pacing.stop();
      return { came: false };
    }
  }

  /**
   * @param {"stream" | "polling"} transport
   * @param {boolean} isConnected
   * @param {any} error
   */
  #changed(transport, isConnected, error) {
    this.#listener.changed({ transport, isConnected, attempt: this.#attempt, error });
  }
}
