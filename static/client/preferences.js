import { Observable } from "./observable.js";

/**
 * What the user wants to be notified of, and when. A change shows at once and is taken back when the server refuses it.
 *
 * @typedef {import("./types.js").NotificationPreferences} NotificationPreferences
 *
 * @extends {Observable<{preferences: NotificationPreferences | null}>}
 */
export class Preferences extends Observable {
  #connection;
  /** @type {NotificationPreferences | null} as the server has them */
  #stored = null;
  /** @type {Partial<NotificationPreferences>[]} */
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
   * @param {Partial<NotificationPreferences>} changes `types` may hold some of the types; the rest stays as it is
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
    const preferences = this.#changes.reduce(
      (shown, changes) => ({ ...shown, ...changes, types: { ...shown.types, ...changes.types } }),
      stored,
    );
    this.change({ preferences });
  }
}
