/**
 * A value that can be read and watched. The pair `subscribe`/`getSnapshot` is what React's
 * `useSyncExternalStore` expects, and it is as easily bound to any other framework.
 *
 * A snapshot is never changed in place: as long as nothing happened it is the same object.
 *
 * @template T
 */
export class Observable {
  /** @type {T} */
  #snapshot;
  /** @type {Set<() => void>} */
  #listeners = new Set();

  /** @param {T} initial */
  constructor(initial) {
    this.#snapshot = initial;
  }

  /** @returns {T} */
  getSnapshot = () => this.#snapshot;

  /**
   * @param {() => void} listener called after each change
   * @returns {() => void} ends the subscription
   */
  subscribe = (listener) => {
    const first = this.#listeners.size === 0;
    this.#listeners.add(listener);
    if (first) this.wake();
    return () => {
      if (this.#listeners.delete(listener) && this.#listeners.size === 0) this.rest();
    };
  };

  /**
   * Called when the first watcher comes, for stores that cost something while they are watched.
   *
   * @protected
   */
  wake() {}

  /**
   * Called when the last watcher has gone.
   *
   * @protected
   */
  rest() {}

  /**
   * Replace parts of the snapshot and tell whoever watches; does nothing when nothing differs.
   *
   * @protected
   * @param {Partial<T>} changes
   */
  change(changes) {
    const keys = /** @type {(keyof T)[]} */ (Object.keys(changes));
    if (keys.every((key) => Object.is(this.#snapshot[key], changes[key]))) return;
    this.#snapshot = { ...this.#snapshot, ...changes };
    for (const listener of [...this.#listeners]) listener();
  }
}
