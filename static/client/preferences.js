import { Observable } from "./observable.js";

/**
 * What the user wants to be notified of, and when. A change shows at once and is taken back when the server refuses it.
 *
 * @typedef {import("./types.js").NotificationPreferences} NotificationPreferences
 * @typedef {{types?: Record<string, {inApp?: boolean, push?: boolean}>, quietHours?: import("./types.js").QuietHours | null,
 *   mutedRooms?: string[]}} Changes
 *
 * @extends {Observable<{preferences: NotificationPreferences | null}>}
 */
export class Preferences extends Observable {
  #connection;
  /** @type {NotificationPreferences | null} as the server has them */
  #stored = null;
  /** @type {Changes[]} */
  #changes = [];
  /** @type {Promise<unknown>} the last change; they go out one after the other, as they were made */
  #last = Promise.resolve();

  /** @param {import("./connection.js").Connection} connection */
  constructor(connection) {
    super({ preferences: null });
    this.#connection = connection;
  }

  async load() {
    this.#stored = await this.#connection.call("notification:preferences");
    this.#publish();
  }

  /**
   * @param {Changes} changes what is not named stays as it is
   */
  async save(changes) {
    if (!this.#stored) await this.load();
    this.#changes = [...this.#changes, changes];
    this.#publish();
    const turn = this.#last.then(() => this.#connection.call("notification:preferences", changes));
    this.#last = turn.catch(() => {});
    try {
      this.#stored = await turn;
    } finally {
      this.#changes = this.#changes.filter((each) => each !== changes);
      this.#publish();
    }
  }

  /**
   * @param {string} roomId
   * @param {boolean} muted
   */
  async mute(roomId, muted) {
    if (!this.#stored) await this.load();
    const { preferences } = this.getSnapshot();
    const others = preferences?.mutedRooms.filter((id) => id !== roomId) ?? [];
    await this.save({ mutedRooms: muted ? [...others, roomId] : others });
  }

  #publish() {
    const stored = this.#stored;
    if (!stored) return;
    this.change({ preferences: this.#changes.reduce(changed, stored) });
  }
}

/**
 * @param {NotificationPreferences} shown
 * @param {Changes} changes
 * @returns {NotificationPreferences}
 */
function changed(shown, { types = {}, ...rest }) {
  const ways = Object.entries(types).map(([type, said]) => [type, { ...shown.types[type], ...said }]);
  return { ...shown, ...rest, types: { ...shown.types, ...Object.fromEntries(ways) } };
}
