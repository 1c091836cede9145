import { newId } from "./ids.js";

/**
 * What one person has made in a page and the server does not have yet, in the storage. Each page keeps its own and says
 * that it owns it; what pages that are gone have left is taken over by the next one.
 *
 * @template T structured-clonable
 */
export class Kept {
  #storage;
  #report;
  #all;
  #own;
  /** @type {Promise<(() => void) | undefined>} */
  #owned;
  /** Of pages that were still there. @type {Set<string>} */
  #awaited = new Set();
  /** What waits to be written while something of the same id is. @type {Map<string, {value: T | undefined, written: Promise<void>}>} */
  #next = new Map();
  /** @type {Map<string, Promise<any>>} */
  #writing = new Map();
  #troubled = false;

  /**
   * @param {import("./hubbub.js").Surroundings} hubbub
   * @param {string} kind of what is kept
   */
  constructor({ storage, report, url, me }, kind) {
    this.#storage = storage;
    this.#report = report;
    this.#all = `${kind}/${encodeURIComponent(url)}/${encodeURIComponent(me.id)}/`;
    this.#own = `${this.#all}${newId()}/`;
    this.#owned = this.#tried(storage.own(this.#own));
  }

  /**
   * Keep a value. While one is being written of those that follow only the newest is.
   *
   * @param {string} id
   * @param {T} value
   * @returns {Promise<void>} when this value, or a newer one, is kept
   */
  put(id, value) {
    const next = this.#next.get(id);
    if (next) {
      next.value = value;
      return next.written;
    }
    const waiting = { value, written: (this.#writing.get(id) ?? Promise.resolve()).then(() => this.#write(id)) };
    this.#next.set(id, waiting);
    return waiting.written;
  }

  /** @param {string} id */
  drop(id) {
    const next = this.#next.get(id);
    if (next) next.value = undefined;
    else void this.#tried(this.#storage.delete(this.#own + id));
  }

  /** @param {string} id */
  #write(id) {
    const { value } = this.#next.get(id);
    this.#next.delete(id);
    const key = this.#own + id;
    const writing = this.#tried(value === undefined ? this.#storage.delete(key) : this.#storage.set(key, value));
    this.#writing.set(id, writing);
    return writing.then(() => {
      if (this.#writing.get(id) === writing) this.#writing.delete(id);
    });
  }

  /** Leave what is kept to whoever comes next. */
  async close() {
    (await this.#owned)?.();
  }

  /**
   * Take over what pages that are gone have left, and, once they are gone, what others leave.
   *
   * @param {(found: [string, T][]) => void} take gets each id with its value, and keeps it
   */
  async adopt(take) {
    await this.#owned;
    const found = await this.#entries(this.#all);
    const pages = new Set(found.map(([key]) => key.slice(0, key.indexOf("/", this.#all.length) + 1)));
    for (const page of pages) {
      if (page === this.#own || this.#awaited.has(page)) continue;
      const work = () => this.#takeOver(page, take);
      if ((await this.#tried(this.#storage.ifOrphaned(page, work))) !== false) continue;
      this.#awaited.add(page);
      void this.#tried(this.#storage.onceOrphaned(page, work)).finally(() => this.#awaited.delete(page));
    }
  }

  /**
   * @param {string} page
   * @param {(found: [string, T][]) => void} take
   */
  async #takeOver(page, take) {
    const found = await this.#entries(page);
    take(found.map(([key, value]) => [key.slice(page.length), value]));
    for (const [key] of found) await this.#storage.delete(key);
  }

  /**
   * @param {string} prefix
   * @returns {Promise<[string, any][]>}
   */
  async #entries(prefix) {
    return (await this.#tried(this.#storage.entries(prefix))) ?? [];
  }

  /**
   * Storage may be forbidden or full: then this lives as long as the page, and that is said once.
   *
   * @template R
   * @param {Promise<R>} work
   * @returns {Promise<R | undefined>}
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
