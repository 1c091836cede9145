import { HubbubError } from "./errors.js";
import { newId } from "./ids.js";
import { retryDelay, sleep } from "./retrying.js";

/**
 * The messages of one room that the server has not stored yet, sent one after the other, so that they
 * arrive in the order written. Each keeps its `clientId` through every attempt: whatever became of an
 * unanswered attempt, the message is stored once.
 *
 * @typedef {import("./types.js").Pending} Pending
 */
export class Outbox {
  /** @type {readonly Pending[]} */
  items = [];
  #send;
  #connection;
  #settings;
  #changed;
  #running = false;

  /**
   * @param {object} options
   * @param {(item: Pending) => Promise<void>} options.send stores the message on the server
   * @param {{live: boolean}} options.connection
   * @param {import("./settings.js").Settings} options.settings
   * @param {() => void} options.changed called after each change of `items`
   */
  constructor({ send, connection, settings, changed }) {
    this.#send = send;
    this.#connection = connection;
    this.#settings = settings;
    this.#changed = changed;
  }

  /** @param {{message: string, replyToId?: string | null, mentions?: string[]}} draft */
  add({ message, replyToId = null, mentions = [] }) {
    const createdAt = new Date().toISOString();
    const item = { clientId: newId(), message, replyToId, mentions, createdAt };
    this.#set([...this.items, { ...item, status: "pending", retryAt: null, error: null }]);
    this.resume();
  }

  /**
   * Try a failed message again.
   *
   * @param {string} clientId
   */
  retry(clientId) {
    this.#mark(clientId, { status: "pending", error: null });
    this.resume();
  }

  /**
   * Take a message out: the server has it, or its author does not want it any more.
   *
   * @param {string | null} clientId
   */
  remove(clientId) {
    if (this.items.some((item) => item.clientId === clientId)) {
      this.#set(this.items.filter((item) => item.clientId !== clientId));
    }
  }

  /** Send what waits; called again after each connect. */
  async resume() {
    if (this.#running) return;
    this.#running = true;
    let attempt = 0;
    for (let item = this.#next(); item && this.#connection.live; item = this.#next()) {
      try {
        await this.#send(item);
        this.remove(item.clientId);
        attempt = 0;
      } catch (error) {
        await this.#failed(item, /** @type {any} */ (error), attempt++);
      }
    }
    this.#running = false;
  }

  /**
   * @param {Pending} item
   * @param {Error} error
   * @param {number} attempt
   */
  async #failed(item, error, attempt) {
    if (!(error instanceof HubbubError) || !error.retryable) {
      this.#mark(item.clientId, { status: "failed", error });
    } else if (this.#connection.live) {
      const delay = retryDelay(attempt, error, this.#settings);
      if (error.code === "rate_limited") {
        this.#mark(item.clientId, { status: "waiting", retryAt: Date.now() + delay });
      }
      await sleep(delay);
      this.#mark(item.clientId, { status: "pending", retryAt: null });
    }
  }

  #next() {
    return this.items.find((item) => item.status !== "failed");
  }

  /**
   * @param {string} clientId
   * @param {Partial<Pending>} changes
   */
  #mark(clientId, changes) {
    this.#set(this.items.map((item) => (item.clientId === clientId ? { ...item, ...changes } : item)));
  }

  /** @param {Pending[]} items */
  #set(items) {
    this.items = items;
    this.#changed();
  }
}
