import { HubbubError } from "./errors.js";
import { newId } from "./ids.js";

/**
 * The changes of one person in the storage. Each page keeps its own and says that it owns them; those of pages that are
 * gone are taken over by the next one.
 *
 * @typedef {import("./changes.js").Change} Change
 */
export class KeptChanges {
  #storage;
  #report;
  #all;
  #own;
  /** @type {Promise<any>} */
  #owned;
  /** Queues of pages that were still there. @type {Set<string>} */
  #awaited = new Set();
  #troubled = false;

  /** @param {import("./hubbub.js").Surroundings} hubbub */
  constructor({ storage, report, url, me }) {
    this.#storage = storage;
    this.#report = report;
    this.#all = `sync/${encodeURIComponent(url)}/${encodeURIComponent(me.id)}/`;
    this.#own = `${this.#all}${newId()}/`;
    this.#owned = this.#tried(storage.own(this.#own));
  }

  /** @param {Change} change */
  put(change) {
    const { error } = change;
    const plain = error && { code: error.code, message: error.message, fields: error.fields };
    void this.#tried(this.#storage.set(this.#key(change), { ...change, error: plain }));
  }

  /** @param {Change} change */
  drop(change) {
    void this.#tried(this.#storage.delete(this.#key(change)));
  }

  /**
   * Take over what pages that are gone have left, and, once they are gone, what others leave.
   *
   * @param {(changes: Change[]) => void} take
   */
  async adopt(take) {
    await this.#owned;
    const queues = new Set((await this.#entries(this.#all)).map(([key]) => key.slice(0, key.lastIndexOf("/") + 1)));
    for (const queue of queues) {
      if (queue === this.#own || this.#awaited.has(queue)) continue;
      const work = async () => take(await this.#takeOver(queue));
      if ((await this.#tried(this.#storage.ifOrphaned(queue, work))) !== false) continue;
      this.#awaited.add(queue);
      void this.#tried(this.#storage.onceOrphaned(queue, work)).finally(() => this.#awaited.delete(queue));
    }
  }

  /** @param {string} queue */
  async #takeOver(queue) {
    const found = [];
    for (const [key, value] of await this.#entries(queue)) {
      const change = { ...value, error: value.error && new HubbubError(value.error) };
      this.put(change);
      await this.#storage.delete(key);
      found.push(change);
    }
    return found;
  }

  /** @param {string} prefix */
  async #entries(prefix) {
    return (await this.#tried(this.#storage.entries(prefix))) ?? [];
  }

  /** @param {Change} change */
  #key({ mutationId }) {
    return this.#own + mutationId;
  }

  /**
   * Storage may be forbidden or full: then changes live as long as the page, and that is said once.
   *
   * @template T
   * @param {Promise<T>} work
   * @returns {Promise<T | undefined>}
   */
  async #tried(work) {
    try {
      return await work;
    } catch (cause) {
      if (!this.#troubled) this.#report(new Error("What waits to be sent cannot be kept over a reload here.", { cause }));
      this.#troubled = true;
      return undefined;
    }
  }
}
