import { Emitter } from "./emitter.js";
import { arrived, marked, matches, NotificationChanges, removed } from "./notification-changes.js";
import { Observable } from "./observable.js";
import { persistently } from "./retrying.js";

/**
 * The user's notifications: how many are unread, always, and a list of them, newest first, which a
 * filter may narrow. What this client changes shows at once, and is taken back when the server refuses.
 *
 * The number of unread ones is the absolute one of the newest event or answer, so tabs cannot drift apart.
 *
 * @typedef {import("./types.js").Notification} Notification
 * @typedef {import("./types.js").NotificationFilter} NotificationFilter
 *
 * @typedef {object} NotificationsView
 * @property {"loading" | "ready"} status
 * @property {NotificationFilter} filter
 * @property {Notification[]} notifications
 * @property {number} unreadCount            of all, whatever the filter
 * @property {boolean} hasMore
 * @property {boolean} loadingMore
 *
 * @extends {Observable<NotificationsView>}
 */
export class Notifications extends Observable {
  #hubbub;
  #events = new Emitter();
  #changes = new NotificationChanges();
  /** @type {import("./notification-changes.js").Inbox} as the server has it */
  #inbox = { notifications: [], unreadCount: 0, hasMore: false };
  #subscription;
  /** Counts loads, so that what an earlier one brings is recognised and dropped. */
  #turn = 0;
  #interrupted = false;

  /** @param {import("./hubbub.js").Surroundings} hubbub */
  constructor(hubbub) {
    super({
      status: "loading",
      filter: { type: null, unread: false },
      notifications: [],
      unreadCount: 0,
      hasMore: false,
      loadingMore: false,
    });
    this.#hubbub = hubbub;
    this.#subscription = hubbub.channels.follow(`user:${hubbub.me.id}`, {
      load: () => this.#begin(),
      event: (envelope) => this.#apply(envelope),
    });
    hubbub.connection.on("live", () => this.#interrupted && hubbub.background(this.#reload()));
  }

  /**
   * Hear of each notification as it comes.
   *
   * @param {(news: {notification: Notification, unreadCount: number, quiet?: boolean}) => void} listener `quiet`: it came in quiet hours
   * @returns {() => void} ends the subscription
   */
  onCreated(listener) {
    return this.#events.on("created", listener);
  }

  /**
   * Narrow the list, or widen it again.
   *
   * @param {Partial<NotificationFilter>} changes
   */
  async show(changes) {
    this.#inbox = { ...this.#inbox, notifications: [], hasMore: false };
    this.change({ filter: { ...this.getSnapshot().filter, ...changes }, status: "loading" });
    this.#publish();
    try {
      await this.#reload();
    } catch (error) {
      this.#interrupted = /** @type {any} */ (error).retryable;
      if (!this.#interrupted) throw error;
    }
  }

  async loadMore() {
    const { hasMore, loadingMore, status } = this.getSnapshot();
    if (!hasMore || loadingMore || status !== "ready") return;
    const turn = this.#turn;
    this.change({ loadingMore: true });
    try {
      await this.#subscription.hold(async () => {
        const { notifications: before } = this.#inbox;
        const page = await this.#page({ before: before[before.length - 1]?.id });
        if (turn !== this.#turn) return;
        const known = new Set(this.#inbox.notifications.map(({ id }) => id));
        const older = page.notifications.filter((/** @type {Notification} */ { id }) => !known.has(id));
        this.#inbox = { ...page, notifications: [...this.#inbox.notifications, ...older] };
      });
    } finally {
      this.change({ loadingMore: false });
      this.#publish();
    }
  }

  /**
   * @param {string[]} ids
   * @param {boolean} [isRead]
   */
  read(ids, isRead = true) {
    return this.#optimistically("notification:read", { ids, isRead }, marked);
  }

  readAll() {
    return this.#optimistically("notification:read", { all: true, isRead: true }, marked);
  }

  /** @param {string[]} ids */
  delete(ids) {
    return this.#optimistically("notification:delete", { ids }, removed);
  }

  deleteAll() {
    return this.#optimistically("notification:delete", { all: true }, removed);
  }

  /**
   * @param {"notification:read" | "notification:delete"} action
   * @param {import("./notification-changes.js").Targets} targets
   * @param {typeof marked} effect
   */
  async #optimistically(action, targets, effect) {
    const change = this.#changes.begin(action, targets, effect);
    this.#publish();
    try {
      await this.#hubbub.connection.call(action, targets);
      this.#inbox = this.#changes.done(change, this.#inbox);
    } finally {
      this.#changes.end(change);
      this.#publish();
    }
  }

  /** @param {import("./types.js").Envelope} envelope of the user's own channel */
  #apply({ event, data }) {
    const { filter } = this.getSnapshot();
    if (event === "notification:created") {
      this.#inbox = arrived(this.#inbox, data, filter, this.#hubbub.settings.notificationWindow);
    } else if (event === "notification:read") {
      const targets = { isRead: true, ...data };
      this.#changes.told("notification:read", targets);
      const known = new Set(this.#inbox.notifications.map(({ id }) => id));
      this.#inbox = { ...marked(this.#inbox, targets), unreadCount: data.unreadCount };
      // Unread again, elsewhere: where in this list of unread ones it belongs, the server knows.
      const missing = filter.unread && !targets.isRead && (data.all || data.ids.some((/** @type {string} */ id) => !known.has(id)));
      if (missing) this.#hubbub.background(this.#reload());
    } else if (event === "notification:deleted") {
      this.#changes.told("notification:delete", data);
      this.#inbox = { ...removed(this.#inbox, data), unreadCount: data.unreadCount };
    } else {
      return;
    }
    this.#publish();
    if (event === "notification:created") this.#events.emit("created", data);
  }

  /** Load the first page anew, while events wait. */
  #reload() {
    const { connection, settings } = this.#hubbub;
    return this.#subscription.hold(() => persistently(() => this.#load(), connection, settings));
  }

  async #begin() {
    try {
      await this.#load();
    } catch (error) {
      // Rooms come on the same channel; they go on when this part of a server is not there.
      if (/** @type {any} */ (error).retryable) throw error;
      this.#hubbub.report(error);
    }
  }

  async #load() {
    const turn = ++this.#turn;
    this.#interrupted = false;
    const page = await this.#page({});
    if (turn !== this.#turn) return;
    this.#inbox = page;
    this.change({ status: "ready" });
    this.#publish();
  }

  /** @param {{before?: string}} range */
  #page(range) {
    const { type, unread } = this.getSnapshot().filter;
    const limit = this.#hubbub.settings.notificationPage;
    const filter = { ...(type && { type }), ...(unread && { unread }) };
    return this.#hubbub.connection.call("notification:list", { limit, ...filter, ...range });
  }

  #publish() {
    const { filter } = this.getSnapshot();
    const { notifications, unreadCount, hasMore } = this.#changes.over(this.#inbox);
    const shown = notifications.filter((notification) => matches(notification, filter));
    this.change({ notifications: shown, unreadCount, hasMore });
  }
}
