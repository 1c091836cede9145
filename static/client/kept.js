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
   * @param {string} id
   * @param {T} value
   */
  put(id, value) {
    void this.#tried(this.#storage.set(this.#own + id, value));
  }

  /** @param {string} id */
  drop(id) {
    void this.#tried(this.#storage.delete(this.#own + id));
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
