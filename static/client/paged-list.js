import { Followed } from "./followed.js";
import { Overlays } from "./overlays.js";
import { persistently } from "./retrying.js";

/**
 * A list that is loaded page by page, newest first, and kept up to date while it is watched. What is in
 * memory is an unbroken stretch from the newest on.
 *
 * @template {{id: string}} Item
 * @typedef {object} ListView
 * @property {"loading" | "ready" | "failed"} status
 * @property {Error | null} error
 * @property {Item[]} items
 * @property {boolean} hasMore
 * @property {boolean} loadingMore
 */

/**
 * @template {{id: string}} Item
 * @template {object} More  what the snapshot holds beside the list
 * @extends {Followed<ListView<Item> & More>}
 */
export class PagedList extends Followed {
  /** @protected */
  hubbub;
  #query;
  /** @type {Item[]} as the server has them */
  #items = [];
  #hasMore = false;
  /** @type {Overlays<Item>} */
  #overlays = new Overlays();
  /** How many are kept when new ones come: what was asked for stays. */
  #bound;
  /** Counts loads, so that what an earlier one brings is recognised and dropped. */
  #turn = 0;

  /**
   * @param {import("./hubbub.js").Surroundings} hubbub
   * @param {ConstructorParameters<typeof Followed>[1]} follow
   * @param {{action: string, plural: string, payload: object, limit: number}} query how a page is asked for, and what its answer calls it
   * @param {More} more
   */
  constructor(hubbub, follow, query, more) {
    super({ status: "loading", error: null, items: [], hasMore: false, loadingMore: false, ...more }, follow);
    this.hubbub = hubbub;
    this.#query = query;
    this.#bound = hubbub.settings.listWindow;
  }

  /** Load the next page of older ones. */
  async loadMore() {
    const { hasMore, loadingMore, status } = this.getSnapshot();
    if (!hasMore || loadingMore || status !== "ready") return;
    const turn = this.#turn;
    this.#change({ loadingMore: true });
    try {
      await this.hold(async () => {
        const page = await this.page({ before: this.#items[this.#items.length - 1]?.id });
        if (turn !== this.#turn) return;
        const known = new Set(this.#items.map(({ id }) => id));
        this.#items = [...this.#items, ...page.items.filter(({ id }) => !known.has(id))];
        this.#hasMore = page.hasMore;
        this.#bound = Math.max(this.#bound, this.#items.length);
      });
    } finally {
      this.#change({ loadingMore: false });
      this.publish();
    }
  }

  /** Try again after a failure. */
  async retry() {
    this.#change({ status: "loading", error: null });
    const { connection, settings } = this.hubbub;
    try {
      await this.hold(() => persistently(() => this.load(undefined), connection, settings));
    } catch (error) {
      this.failed(error);
    }
  }

  /**
   * Ask for another list.
   *
   * @protected
   * @param {object} payload
   */
  async ask(payload) {
    this.#query = { ...this.#query, payload };
    this.#items = [];
    this.#hasMore = false;
    this.publish();
    await this.retry();
  }

  /**
   * @protected
   * @param {any} _reply
   */
  async load(_reply) {
    const turn = ++this.#turn;
    const page = await this.page({});
    if (turn !== this.#turn) return;
    this.adopt(page);
    this.#change({ status: "ready", error: null });
  }

  /**
   * Replace what is in memory by the newest page.
   *
   * @protected
   * @param {{items: Item[], hasMore: boolean}} page
   */
  adopt({ items, hasMore }) {
    this.#items = items;
    this.#hasMore = hasMore;
    this.#bound = this.hubbub.settings.listWindow;
    this.publish();
  }

  /**
   * @protected
   * @param {{before?: string, limit?: number}} range
   * @returns {Promise<{items: Item[], hasMore: boolean}>}
   */
  async page(range) {
    const { action, plural, payload, limit } = this.#query;
    const reply = await this.call(action, { ...payload, limit, ...range });
    return { items: reply[plural], hasMore: reply.hasMore };
  }

  /**
   * How the list is asked for.
   *
   * @protected
   * @param {string} action
   * @param {object} payload
   * @returns {Promise<any>}
   */
  call(action, payload) {
    return this.hubbub.connection.call(action, payload);
  }

  /**
   * @protected
   * @param {string} id
   * @returns {Item | undefined} as the server has it
   */
  known(id) {
    return this.#items.find((item) => item.id === id);
  }

  /**
   * The one before it in the list, which is newer.
   *
   * @protected
   * @param {string} id
   * @returns {Item | undefined}
   */
  newerThan(id) {
    return this.#items[this.#items.findIndex((item) => item.id === id) - 1];
  }

  /**
   * Take in an item as the server has it: a new one, or a newer state of a known one. One that is older
   * than what is in memory is left to paging.
   *
   * @protected
   * @param {Item} item
   * @param {{newest?: boolean}} [options] `newest`: it has just appeared, whenever it was made, and stands before all others
   */
  put(item, { newest = false } = {}) {
    const at = this.#items.findIndex(({ id }) => id === item.id);
    if (newest) {
      this.#insert(0, item, at);
    } else if (at >= 0) {
      this.#items = this.#items.with(at, item);
    } else {
      // Ids sort by creation.
      const place = this.#items.findIndex(({ id }) => id < item.id);
      if (place < 0 && this.#hasMore) return;
      this.#insert(place < 0 ? this.#items.length : place, item, at);
    }
    this.publish();
  }

  /**
   * @param {number} place
   * @param {Item} item
   * @param {number} before where it was; -1: nowhere
   */
  #insert(place, item, before) {
    const others = before < 0 ? this.#items : this.#items.toSpliced(before, 1);
    this.#items = others.toSpliced(place, 0, item);
    if (this.#items.length <= this.#bound) return;
    this.#items = this.#items.slice(0, this.#bound);
    this.#hasMore = true;
  }

  /**
   * @protected
   * @param {string} id
   * @param {Partial<Item>} changes
   */
  patch(id, changes) {
    const item = this.known(id);
    if (item) this.put({ ...item, ...changes });
  }

  /**
   * @protected
   * @param {(item: Item) => Item} change
   */
  patchAll(change) {
    this.#items = this.#items.map(change);
    this.publish();
  }

  /**
   * @protected
   * @param {string} id
   */
  remove(id) {
    this.#items = this.#items.filter((item) => item.id !== id);
    this.publish();
  }

  /**
   * Show an item as it will be while the server is told, and as the server has it afterwards.
   *
   * @protected
   * @template R
   * @param {string} id
   * @param {(item: Item) => Item | null} overlay null hides it
   * @param {() => Promise<R>} work
   * @returns {Promise<R>}
   */
  async covered(id, overlay, work) {
    const uncover = this.#overlays.lay(id, overlay);
    this.publish();
    try {
      return await work();
    } finally {
      uncover();
      this.publish();
    }
  }

  /** @protected */
  publish() {
    this.#change({ items: this.#overlays.over(this.#items), hasMore: this.#hasMore });
  }

  /** @param {Partial<ListView<Item>>} changes */
  #change(changes) {
    this.change(/** @type {any} */ (changes));
  }
}
