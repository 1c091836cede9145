import { changed, difference } from "./changes.js";
import { Emitter } from "./emitter.js";
import { Followed } from "./followed.js";
import { newSortableId } from "./ids.js";
import { persistently } from "./retrying.js";

/**
 * The records of one collection, newest first, kept up to date while they are watched, with this user's own changes
 * laid over them: those show at once, wait in the queue while there is no connection, and vanish when they are undone.
 *
 * @typedef {import("./types.js").SharedRecord} SharedRecord
 * @typedef {import("./changes.js").Change} Change
 *
 * @typedef {object} CollectionView
 * @property {"loading" | "ready" | "failed"} status
 * @property {Error | null} error
 * @property {SharedRecord[]} records
 * @property {boolean} hasMore
 * @property {boolean} loadingMore
 * @property {Record<string, Change>} changes  by the record's id: the newest change of it that is pending, failed, parked, or just saved
 * @property {number} pending                how many changes the server does not have yet
 *
 * @extends {Followed<CollectionView>}
 */
export class Collection extends Followed {
  #hubbub;
  #name;
  #filter;
  #events = new Emitter();
  /** @type {Map<string, SharedRecord>} as the server has them */
  #records = new Map();
  /** Where the next page begins: id of the last record that was looked at. @type {string | undefined} */
  #oldest;
  /** Versions of what is gone, so that a late answer does not bring it back. @type {Map<string, number>} */
  #gone = new Map();
  /** @type {() => void} */
  #unwatch = () => {};

  /**
   * @param {import("./hubbub.js").Surroundings & {sync: import("./sync-queue.js").SyncQueue}} hubbub
   * @param {string} name
   * @param {string} [filter] such as `done=eq.false`
   */
  constructor(hubbub, name, filter) {
    const options = { snapshot: true, ...(filter && { filter }) };
    super(
      { status: "loading", error: null, records: [], hasMore: false, loadingMore: false, changes: {}, pending: 0 },
      (consumer) => hubbub.channels.follow(`collection:${name}`, consumer, options),
    );
    this.#hubbub = hubbub;
    this.#name = name;
    this.#filter = filter;
    hubbub.sync.onSettled((change) => change.collection === name && this.#settled(change));
    this.#publish();
  }

  /**
   * Hear of each new record, by whomever it is.
   *
   * @param {(record: SharedRecord) => void} listener
   * @returns {() => void} ends the subscription
   */
  onInsert(listener) {
    return this.#hear("INSERT", ({ new: record }) => listener(record));
  }

  /**
   * @param {(record: SharedRecord, before: SharedRecord | null) => void} listener
   * @returns {() => void} ends the subscription
   */
  onUpdate(listener) {
    return this.#hear("UPDATE", ({ new: record, old }) => listener(record, old));
  }

  /**
   * Of a filtered collection also those that match no longer.
   *
   * @param {(before: SharedRecord | null, id: string) => void} listener
   * @returns {() => void} ends the subscription
   */
  onDelete(listener) {
    return this.#hear("DELETE", ({ old, id }) => listener(old, id));
  }

  /**
   * Hear of each own change that met another one and was settled by the server.
   *
   * @param {(record: SharedRecord) => void} listener the record's `conflict` tells how
   * @returns {() => void} ends the subscription
   */
  onSettledConflict(listener) {
    return this.#events.on("conflict", listener);
  }

  /**
   * Add a record.
   *
   * @param {Record<string, any>} data
   * @param {{id?: string, strategy?: string}} [options]
   * @returns {string} its id
   */
  insert(data, { id = newSortableId(), strategy } = {}) {
    this.#add({ id, op: "upsert", base: null, set: data, unset: [], strategy: strategy ?? null });
    return id;
  }

  /**
   * Let a record be this, whether or not it is there.
   *
   * @param {string} id
   * @param {Record<string, any>} data
   * @param {{strategy?: string, base?: SharedRecord}} [options] `base`: the record that the user saw, if not the present one
   */
  upsert(id, data, { strategy, base } = {}) {
    const before = base ?? this.get(id);
    if (!before) return void this.insert(data, { id, strategy });
    const wish = { id, op: /** @type {const} */ ("upsert"), base: this.#base(id, base), strategy: strategy ?? null };
    this.#add({ ...wish, ...difference(before.data, data) });
  }

  /**
   * Change some fields of a record; those set to undefined are removed.
   *
   * @param {string} id
   * @param {Record<string, any>} fields
   * @param {{strategy?: string, base?: SharedRecord}} [options] `base`: the record that the user saw, if not the present one
   */
  patch(id, fields, options = {}) {
    const before = options.base ?? this.get(id);
    const data = Object.entries({ ...before?.data, ...fields }).filter(([, value]) => value !== undefined);
    this.upsert(id, Object.fromEntries(data), options);
  }

  /** @param {string} id */
  remove(id) {
    this.#add({ id, op: "delete", base: this.#base(id), set: {}, unset: [], strategy: null });
  }

  /**
   * Try again what was refused of a record.
   *
   * @param {string} id
   */
  retry(id) {
    this.#hubbub.sync.retry(this.#name, id);
  }

  /**
   * Take back what the server does not have of a record.
   *
   * @param {string} id
   */
  undo(id) {
    this.#hubbub.sync.undo(this.#name, id);
  }

  /**
   * @param {string} id
   * @returns {SharedRecord | undefined} as it is shown
   */
  get(id) {
    return this.#shown().get(id);
  }

  /** Load the next page of older records. */
  async loadMore() {
    const { hasMore, loadingMore, status } = this.getSnapshot();
    if (!hasMore || loadingMore || status !== "ready") return;
    this.change({ loadingMore: true });
    try {
      await this.hold(async () => {
        this.#take(await this.#page({ before: this.#oldest }));
      });
    } finally {
      this.change({ loadingMore: false });
    }
  }

  /** Try again after a failure. */
  async reload() {
    this.change({ status: "loading", error: null });
    const { connection, settings } = this.#hubbub;
    try {
      await this.hold(() => persistently(() => this.load(undefined), connection, settings));
    } catch (error) {
      this.failed(error);
    }
  }

  /** @protected */
  wake() {
    super.wake();
    this.#unwatch = this.#hubbub.sync.subscribe(() => this.#publish());
    this.#publish();
  }

  /** @protected */
  rest() {
    super.rest();
    this.#unwatch();
  }

  /**
   * @protected
   * @param {any} reply of the subscription, with its snapshot
   */
  async load(reply) {
    const page = reply?.snapshot?.records ? reply.snapshot : await this.#page({});
    this.#records.clear();
    this.#gone.clear();
    this.change({ status: "ready", error: null });
    this.#take(page);
  }

  /**
   * @protected
   * @param {import("./types.js").Envelope} envelope
   */
  apply({ event, data }) {
    if (event !== "record:changed") return;
    if (data.eventType === "DELETE") this.#drop(data.id, data.version);
    else this.#put(data.new);
    this.#publish();
    this.#events.emit(data.eventType, data);
  }

  /** @param {Change} change */
  #settled(change) {
    const { op, id, record, error } = change;
    if (record?.conflict) this.#events.emit("conflict", record);
    if (op === "delete" && record) this.#drop(id, record.version);
    // What a filter lets through the server says by an event.
    else if (record && (!this.#filter || this.#records.has(id))) this.#put(record);
    else if (error?.current?.version && this.#records.has(id)) this.#put(error.current);
    this.#publish();
  }

  /** @param {Omit<import("./sync-queue.js").Wish, "collection">} wish */
  #add(wish) {
    this.#hubbub.sync.add({ ...wish, collection: this.#name });
    this.#publish();
  }

  /**
   * @param {string} id
   * @param {SharedRecord} [seen]
   */
  #base(id, seen) {
    const record = seen && seen.version > 0 ? seen : this.#records.get(id);
    return record ? { version: record.version, data: record.data } : null;
  }

  /** @param {SharedRecord} record */
  #put({ conflict: _conflict, ...record }) {
    const known = this.#records.get(record.id)?.version ?? this.#gone.get(record.id) ?? 0;
    if (record.version < known) return;
    this.#gone.delete(record.id);
    this.#records.set(record.id, record);
  }

  /**
   * @param {string} id
   * @param {number} version
   */
  #drop(id, version) {
    const known = this.#records.get(id);
    if (known && known.version > version) return;
    this.#records.delete(id);
    this.#gone.set(id, version);
  }

  /** @param {{records: SharedRecord[], hasMore?: boolean, next?: string}} page `next`: it ended early, there */
  #take({ records, hasMore = false, next }) {
    for (const record of records) this.#put(record);
    this.#oldest = next ?? records.at(-1)?.id ?? this.#oldest;
    this.change({ hasMore });
    this.#publish();
  }

  /** @param {{before?: string}} range */
  #page(range) {
    const { connection, settings } = this.#hubbub;
    const filter = this.#filter && { filter: this.#filter };
    return connection.call("record:list", { collection: this.#name, limit: settings.recordPage, ...filter, ...range });
  }

  /** The records as they will be, if the server takes what waits. */
  #shown() {
    const shown = new Map(this.#records);
    for (const change of this.#hubbub.sync.of(this.#name)) {
      const { id, status, record } = change;
      if (status === "parked") continue;
      if (status === "saved") {
        // A filtered collection hears of a new record by its event, a moment later.
        if (change.op === "upsert" && record && !shown.has(id) && !this.#gone.has(id)) shown.set(id, record);
        continue;
      }
      const next = changed(shown.get(id) ?? null, change, this.#hubbub.me.id);
      if (next) shown.set(id, next);
      else shown.delete(id);
    }
    return shown;
  }

  #publish() {
    const own = this.#hubbub.sync.of(this.#name);
    const shown = this.#shown();
    const records = [...shown.values()].sort(newestFirst);
    const pending = own.filter(({ status }) => status === "pending").length;
    this.change({ records, changes: Object.fromEntries(own.map((change) => [change.id, change])), pending });
  }

  /**
   * @param {string} eventType
   * @param {(data: any) => void} listener
   */
  #hear(eventType, listener) {
    const deaf = this.#events.on(eventType, listener);
    const unwatch = this.subscribe(() => {});
    return () => {
      deaf();
      unwatch();
    };
  }
}

/**
 * As the server lists them.
 *
 * @param {SharedRecord} one
 * @param {SharedRecord} other
 */
function newestFirst(one, other) {
  if (one.createdAt !== other.createdAt) return one.createdAt < other.createdAt ? 1 : -1;
  return one.id < other.id ? 1 : -1;
}
