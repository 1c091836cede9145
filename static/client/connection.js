import { Emitter } from "./emitter.js";
import { HubbubError } from "./errors.js";
import { Observable } from "./observable.js";
import { retryDelay } from "./retrying.js";

/**
 * One Socket.IO connection that comes back by itself.
 *
 * Its snapshot is `{status, error}`; status is
 * - `connecting`: not yet connected for the first time
 * - `live`
 * - `reconnecting`: lost a moment ago
 * - `offline`: lost for `offlineAfterMs`, or the machine has no network; it goes on trying
 * - `refused`: the server does not accept who this is (any more); `error` says why
 * - `closed`
 *
 * It tells `live` after each connect, `down` after each disconnect, `envelope` for every event and
 * signal of a channel, `session` for `session:expiring` and `session:expired`, and `problem` for an
 * error that no caller waits for.
 *
 * @extends {Observable<{status: string, error: HubbubError | null}>}
 */
export class Connection extends Observable {
  #events = new Emitter();
  #socket;
  #session;
  #settings;
  #attempt = 0;
  #renewed = false;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #offlineTimer;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #retryTimer;

  /**
   * @param {object} options
   * @param {Function} options.io `io` of socket.io-client
   * @param {string} options.url
   * @param {import("./session.js").Session} options.session
   * @param {import("./settings.js").Settings} options.settings
   * @param {object} [options.socketOptions] passed on to `io`
   */
  constructor({ io, url, session, settings, socketOptions }) {
    super({ status: "connecting", error: null });
    this.#session = session;
    this.#settings = settings;
    this.#socket = io(url, {
      // WebSocket first: several workers need no sticky sessions then; polling where proxies cut it.
      transports: ["websocket", "polling"],
      tryAllTransports: true,
      reconnectionDelay: settings.retryDelayMs / 2,
      reconnectionDelayMax: settings.retryDelayMaxMs / 3,
      ...socketOptions,
      autoConnect: false,
      auth: (/** @type {(auth: object) => void} */ answer) =>
        answer(this.#session.token ? { token: this.#session.token } : {}),
    });
    this.#listen();
  }

  get live() {
    return this.getSnapshot().status === "live";
  }

  /** Start connecting; the status tells how it goes. */
  open() {
    globalThis.addEventListener?.("online", this.#hasten);
    this.#expectWithin(this.#settings.offlineAfterMs);
    this.#socket.connect();
  }

  close() {
    globalThis.removeEventListener?.("online", this.#hasten);
    clearTimeout(this.#offlineTimer);
    clearTimeout(this.#retryTimer);
    this.#socket.disconnect();
    this.change({ status: "closed" });
  }

  /**
   * Call an action and wait for its acknowledgement.
   *
   * @param {string} action such as `message:send`
   * @param {object} [payload]
   * @returns {Promise<any>} the reply's data
   * @throws {HubbubError} the reply's error; `unavailable` at once when not connected, and when no answer comes in time
   */
  async call(action, payload = {}) {
    if (!this.live) throw new HubbubError({ code: "unavailable", message: "Not connected." });
    let reply;
    try {
      reply = await this.#socket.timeout(this.#settings.ackTimeoutMs).emitWithAck(action, payload);
    } catch (cause) {
      throw new HubbubError({ code: "unavailable", message: `No answer to ${action}.` }, { cause });
    }
    if (!reply.ok) throw new HubbubError(reply.error);
    return reply.data;
  }

  /**
   * Send an action that is worthless a moment later: no acknowledgement, dropped when not connected.
   *
   * @param {string} action
   * @param {object} payload
   */
  signal(action, payload) {
    this.#socket.volatile.emit(action, payload);
  }

  /**
   * @param {"live" | "down" | "envelope" | "session" | "problem"} name
   * @param {(detail: any) => void} listener
   * @returns {() => void} ends the subscription
   */
  on(name, listener) {
    return this.#events.on(name, listener);
  }

  #listen() {
    const socket = this.#socket;
    socket.on("connect", () => {
      clearTimeout(this.#offlineTimer);
      this.#attempt = 0;
      this.#renewed = false;
      this.change({ status: "live", error: null });
      this.#events.emit("live", { recovered: socket.recovered });
    });
    socket.on("disconnect", (/** @type {string} */ reason) => this.#lost(reason));
    socket.on("connect_error", (/** @type {any} */ error) => {
      // An active socket tries again by itself; one that the server refused does not.
      if (!socket.active) void this.#refused(error);
    });
    socket.onAny((/** @type {string} */ name, /** @type {any} */ envelope) => {
      if (envelope?.channel) this.#events.emit("envelope", envelope);
      else if (name.startsWith("session:")) this.#sessionEvent(name, envelope);
    });
  }

  /** @param {string} reason */
  #lost(reason) {
    if (reason === "io client disconnect") return;
    this.change({ status: "reconnecting" });
    this.#expectWithin(globalThis.navigator?.onLine === false ? 0 : this.#settings.offlineAfterMs);
    this.#events.emit("down");
    // A socket that the server disconnected stays down unless told otherwise. Trying once more gets
    // the reason: a new token is fetched, or the refusal is shown.
    if (reason === "io server disconnect") this.#retry(null);
  }

  /** @param {any} cause */
  async #refused(cause) {
    const error = new HubbubError({ code: cause.data?.code ?? "unavailable", message: cause.message, ...cause.data });
    if (error.retryable) return this.#retry(error);
    if (error.code === "unauthenticated" && this.#session.refresh && !this.#renewed) {
      this.#renewed = true;
      try {
        this.#session.token = await this.#session.refresh();
        this.#socket.connect();
        return;
      } catch (failure) {
        error.cause = failure;
      }
    }
    clearTimeout(this.#offlineTimer);
    this.change({ status: "refused", error });
  }

  /** @param {HubbubError | null} error */
  #retry(error) {
    clearTimeout(this.#retryTimer);
    this.#retryTimer = setTimeout(
      () => this.#socket.connect(),
      retryDelay(this.#attempt++, error, this.#settings),
    );
  }

  /** @param {number} ms */
  #expectWithin(ms) {
    clearTimeout(this.#offlineTimer);
    this.#offlineTimer = setTimeout(() => this.change({ status: "offline" }), ms);
  }

  /** The network is back: do not sit out the pause between two attempts. */
  #hasten = () => {
    if (!this.live && this.getSnapshot().status !== "refused") this.#socket.disconnect().connect();
  };

  /**
   * @param {string} name
   * @param {any} envelope
   */
  async #sessionEvent(name, envelope) {
    this.#events.emit("session", envelope);
    if (name !== "session:expiring" || !this.#session.refresh) return;
    try {
      const token = await this.#session.refresh();
      await this.call("session:refresh", { token });
      this.#session.token = token;
    } catch (error) {
      this.#events.emit("problem", error);
    }
  }
}
