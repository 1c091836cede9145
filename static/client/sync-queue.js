import { combined, mutation } from "./changes.js";
import { Emitter } from "./emitter.js";
import { HubbubError } from "./errors.js";
import { newId, newSortableId } from "./ids.js";
import { Kept } from "./kept.js";
import { Observable } from "./observable.js";
import { retryDelay, sleep } from "./retrying.js";

/**
 * What this user has changed in shared data and the server has not taken yet. It goes there in the order in which it was
 * made, when there is a connection, as often as it takes; each change keeps its `mutationId`, so it is applied once,
 * whatever became of an unanswered attempt. It is kept in the page's storage, so it survives a reload.
 *
 * What was taken stays in the list as `saved` for `savedMs`, so that a page can show it; what is refused stays as
 * `failed`, with the reason, until it is tried again or undone.
 *
 * @typedef {import("./changes.js").Change} Change
 * @typedef {Pick<Change, "collection" | "id" | "op" | "base" | "set" | "unset" | "strategy">} Wish
 *
 * @extends {Observable<{changes: readonly Change[], pending: number, failed: number}>}
 */
export class SyncQueue extends Observable {
  #hubbub;
  #kept;
  #events = new Emitter();
  #loaded = false;
  #draining = false;
  /** Of those that never left: they may still become one with what follows. @type {Set<string>} */
  #fresh = new Set();
  /** @type {Set<string>} */
  #flying = new Set();
  /** How many are sent singly, because together they were refused. */
  #singly = 0;

  /** @param {import("./hubbub.js").Surroundings} hubbub */
  constructor(hubbub) {
    super({ changes: [], pending: 0, failed: 0 });
    this.#hubbub = hubbub;
    /** @type {Kept<any>} */
    this.#kept = new Kept(hubbub, "changes");
    hubbub.connection.on("live", () => void this.#resume());
    void this.#resume();
  }

  /**
   * Hear of each change that the server has taken, or parked among the conflicts.
   *
   * @param {(change: Change) => void} listener
   * @returns {() => void} ends the subscription
   */
  onSettled(listener) {
    return this.#events.on("settled", listener);
  }

  /**
   * @param {string} collection
   * @param {string} [id] of one record
   * @returns {Change[]} in the order made
   */
  of(collection, id) {
    const { changes } = this.getSnapshot();
    return changes.filter((change) => change.collection === collection && (id === undefined || change.id === id));
  }

  /** @param {Wish} wish */
  add(wish) {
    const change = {
      ...wish,
      mutationId: newId(),
      order: newSortableId(),
      createdAt: new Date().toISOString(),
      status: /** @type {const} */ ("pending"),
      error: null,
      record: null,
    };
    const last = this.of(wish.collection, wish.id).findLast(waits);
    if (last && this.#joins(last, change)) {
      this.#replace(last, combined(last, change));
    } else {
      this.#set([...this.getSnapshot().changes, change]);
      this.#fresh.add(change.mutationId);
      this.#keep(change);
    }
    void this.#drain();
  }

  /**
   * Try again what was refused of a record.
   *
   * @param {string} collection
   * @param {string} id
   */
  retry(collection, id) {
    for (const change of this.of(collection, id)) {
      if (change.status === "failed") this.#update(change, { status: "pending", error: null });
    }
    void this.#drain();
  }

  /**
   * Take back what the server does not have of a record: it is again as the server has it. What is on its way stays.
   *
   * @param {string} collection
   * @param {string} id
   */
  undo(collection, id) {
    const gone = this.of(collection, id).filter((change) => waits(change) && !this.#flying.has(change.mutationId));
    for (const change of gone) this.#remove(change);
  }

  /** Leave what waits to the next one who signs in as this person. */
  async close() {
    await this.#kept.close();
  }

  /** Take over what pages that are gone have left, and send what waits. */
  async #resume() {
    await this.#kept.adopt((found) => {
      const { changes } = this.getSnapshot();
      const left = found.map(([, { error, ...change }]) => ({ ...change, error: error && new HubbubError(error) }));
      left.forEach((change) => this.#keep(change));
      this.#set([...left, ...changes].sort((one, other) => (one.order < other.order ? -1 : 1)));
      void this.#drain();
    });
    this.#loaded = true;
    await this.#drain();
  }

  async #drain() {
    if (this.#draining || !this.#loaded) return;
    this.#draining = true;
    const { connection, settings } = this.#hubbub;
    let attempt = 0;
    for (let batch = this.#batch(); batch.length > 0 && connection.live; batch = this.#batch()) {
      const error = await this.#send(batch);
      if (!error) attempt = 0;
      else await sleep(retryDelay(attempt++, error, settings));
    }
    this.#draining = false;
  }

  /**
   * @param {Change[]} batch
   * @returns {Promise<HubbubError | null>} what may pass
   */
  async #send(batch) {
    batch.forEach(({ mutationId }) => {
      this.#flying.add(mutationId);
      this.#fresh.delete(mutationId);
    });
    try {
      const { results } = await this.#hubbub.connection.call("record:sync", { mutations: batch.map(mutation) });
      const errors = [];
      for (const [at, change] of batch.entries()) errors.push(await this.#answered(change, results[at]));
      this.#singly = Math.max(0, this.#singly - 1);
      return errors.find((error) => error?.retryable) ?? null;
    } catch (failure) {
      const error = /** @type {any} */ (failure);
      if (error.retryable) return error;
      // All together are refused for what may be the fault of one.
      if (batch.length > 1) this.#singly = batch.length;
      else this.#refused(batch[0], error);
      return null;
    } finally {
      this.#flying.clear();
    }
  }

  /** What goes together: from the first on, each record once, since a later change of it builds upon the answer. */
  #batch() {
    const { syncBatch, syncBytes } = this.#hubbub.settings;
    const most = this.#singly > 0 ? 1 : syncBatch;
    const batch = [];
    const records = new Set();
    let bytes = 0;
    for (const change of this.getSnapshot().changes) {
      if (change.status !== "pending") continue;
      const record = `${change.collection}/${change.id}`;
      bytes += JSON.stringify(mutation(change)).length;
      if (batch.length === most || records.has(record) || (batch.length > 0 && bytes > syncBytes)) break;
      batch.push(change);
      records.add(record);
    }
    return batch;
  }

  /**
   * @param {Change} change
   * @param {{ok: boolean, data?: any, error?: any}} result
   * @returns {Promise<HubbubError | null>}
   */
  async #answered(change, result) {
    if (result.ok) {
      this.#settled(change, { status: "saved", record: result.data });
      return null;
    }
    const error = new HubbubError(result.error);
    if (error.retryable) return error;
    if (error.code === "conflict" && (await this.#isParked(change))) this.#settled(change, { status: "parked", error });
    else this.#refused(change, error);
    return error;
  }

  /**
   * A conflict is parked, or, where the two changes are not valid together, is this user's to make good.
   *
   * @param {Change} change
   */
  async #isParked({ strategy, collection, id }) {
    if (strategy === "manual") return true;
    const { connection, settings } = this.#hubbub;
    const { conflicts } = await connection.call("conflict:list", { limit: settings.conflictPage });
    return conflicts.some((/** @type {any} */ each) => each.collection === collection && each.recordId === id);
  }

  /**
   * @param {Change} change
   * @param {Partial<Change>} outcome
   */
  #settled(change, outcome) {
    const settled = { ...change, ...outcome };
    const { record } = settled;
    this.#kept.drop(change.mutationId);
    this.#set(
      this.getSnapshot().changes.map((each) => {
        if (each.mutationId === change.mutationId) return settled;
        if (!record || !waits(each) || each.collection !== change.collection || each.id !== change.id) return each;
        const rebased = { ...each, base: change.op === "delete" ? null : { version: record.version, data: record.data } };
        this.#keep(rebased);
        return rebased;
      }),
    );
    this.#events.emit("settled", settled);
    setTimeout(() => this.#set(this.getSnapshot().changes.filter((each) => each !== settled)), this.#hubbub.settings.savedMs);
  }

  /**
   * The server will not have it. What waits behind it was made in the belief that it would: it is tried as one with it.
   *
   * @param {Change} change
   * @param {HubbubError} error
   */
  #refused(change, error) {
    const behind = this.of(change.collection, change.id).filter((each) => each.mutationId !== change.mutationId && waits(each));
    if (behind.length === 0) return this.#update(change, { status: "failed", error });
    const whole = behind.reduce((/** @type {Change | null} */ sum, each) => (sum ? combined(sum, each) : each), change);
    behind.forEach((each) => this.#remove(each));
    this.#replace(change, whole);
  }

  /**
   * Whether the server needs not hear of the two one by one: the first was refused, or nothing has left or was made since.
   *
   * @param {Change} first
   * @param {Change} second
   */
  #joins(first, second) {
    if (first.op !== "upsert") return false;
    if (first.status === "failed") return true;
    const newest = this.getSnapshot().changes.findLast(waits);
    return newest === first && this.#fresh.has(first.mutationId) && first.strategy === second.strategy;
  }

  /**
   * @param {Change} change
   * @param {Change | null} other in its place
   */
  #replace(change, other) {
    if (!other) return this.#remove(change);
    const next = { ...other, order: change.order, status: /** @type {const} */ ("pending"), error: null };
    if (next.mutationId !== change.mutationId) this.#kept.drop(change.mutationId);
    if (this.#fresh.delete(change.mutationId)) this.#fresh.add(next.mutationId);
    this.#keep(next);
    this.#set(this.getSnapshot().changes.map((each) => (each.mutationId === change.mutationId ? next : each)));
  }

  /**
   * @param {Change} change
   * @param {Partial<Change>} differences
   */
  #update(change, differences) {
    const next = { ...change, ...differences };
    this.#keep(next);
    this.#set(this.getSnapshot().changes.map((each) => (each.mutationId === change.mutationId ? next : each)));
  }

  /** @param {Change} change */
  #remove(change) {
    this.#kept.drop(change.mutationId);
    this.#fresh.delete(change.mutationId);
    this.#set(this.getSnapshot().changes.filter(({ mutationId }) => mutationId !== change.mutationId));
  }

  /** @param {Change} change */
  #keep(change) {
    const { error } = change;
    const plain = error && { code: error.code, message: error.message, fields: error.fields };
    void this.#kept.put(change.mutationId, { ...change, error: plain });
  }

  /** @param {readonly Change[]} changes */
  #set(changes) {
    const count = (/** @type {Change["status"]} */ status) => changes.filter((change) => change.status === status).length;
    this.change({ changes, pending: count("pending"), failed: count("failed") });
  }
}

/** @param {Change} change */
const waits = ({ status }) => status === "pending" || status === "failed";
