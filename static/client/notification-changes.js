/**
 * What happens to a list of notifications, and what this client's own changes show until they are
 * settled: they lie over the list, so a refused one leaves no trace.
 *
 * @typedef {import("./types.js").Notification} Notification
 * @typedef {import("./types.js").NotificationFilter} NotificationFilter
 * @typedef {{notifications: Notification[], unreadCount: number, hasMore: boolean}} Inbox
 * @typedef {{ids?: string[], all?: boolean, isRead?: boolean}} Targets
 * @typedef {{action: string, targets: Targets, effect: (inbox: Inbox, targets: Targets) => Inbox, told: boolean}} Change
 */

/**
 * @param {Notification} notification
 * @param {NotificationFilter} filter
 */
export const matches = ({ type, isRead }, filter) =>
  (filter.type === null || filter.type === type) && !(filter.unread && isRead);

/**
 * A notification came, or an unread one was renewed, which brings it to the top.
 *
 * @param {Inbox} inbox
 * @param {{notification: Notification, unreadCount: number}} news
 * @param {NotificationFilter} filter
 * @param {number} window how many are kept
 * @returns {Inbox}
 */
export function arrived(inbox, { notification, unreadCount }, filter, window) {
  if (!matches(notification, filter)) return { ...inbox, unreadCount };
  const all = [notification, ...inbox.notifications.filter(({ id }) => id !== notification.id)];
  return { notifications: all.slice(0, window), unreadCount, hasMore: inbox.hasMore || all.length > window };
}

/**
 * @param {Inbox} inbox
 * @param {Targets} targets
 * @returns {Inbox}
 */
export function marked(inbox, { ids = [], all = false, isRead = true }) {
  let change = 0;
  const notifications = inbox.notifications.map((each) => {
    if (each.isRead === isRead || !(all || ids.includes(each.id))) return each;
    change += isRead ? -1 : 1;
    return { ...each, isRead };
  });
  const unreadCount = all && isRead ? 0 : Math.max(0, inbox.unreadCount + change);
  return { ...inbox, notifications, unreadCount };
}

/**
 * @param {Inbox} inbox
 * @param {Targets} targets
 * @returns {Inbox}
 */
export function removed(inbox, { ids = [], all = false }) {
  if (all) return { notifications: [], unreadCount: 0, hasMore: false };
  const notifications = inbox.notifications.filter(({ id }) => !ids.includes(id));
  const unread = inbox.notifications.filter(({ id, isRead }) => !isRead && ids.includes(id)).length;
  return { ...inbox, notifications, unreadCount: Math.max(0, inbox.unreadCount - unread) };
}

/** The changes of this client that are on their way to the server. */
export class NotificationChanges {
  /** @type {Change[]} */
  #changes = [];

  /**
   * @param {string} action
   * @param {Targets} targets
   * @param {Change["effect"]} effect
   * @returns {Change}
   */
  begin(action, targets, effect) {
    const change = { action, targets, effect, told: false };
    this.#changes.push(change);
    return change;
  }

  /**
   * An event tells of such a change. Once one's own is in the list, laying it over the list as well
   * would take in what came behind it: "all" is all that there was.
   *
   * @param {string} action
   * @param {Targets} targets
   */
  told(action, { ids = [], all = false, isRead }) {
    for (const change of this.#changes) {
      const one = change.targets;
      const same = change.action === action && one.isRead === (action === "notification:read" ? isRead : undefined);
      if (same && (one.all ? all : one.ids?.some((id) => ids.includes(id)))) change.told = true;
    }
  }

  /**
   * The server has stored a change; its event may have come or may be on its way.
   *
   * @param {Change} change
   * @param {Inbox} inbox
   * @returns {Inbox}
   */
  done({ told, effect, targets }, inbox) {
    return told ? inbox : effect(inbox, targets);
  }

  /** @param {Change} change settled, or refused */
  end(change) {
    this.#changes = this.#changes.filter((each) => each !== change);
  }

  /**
   * @param {Inbox} inbox as the server has it
   * @returns {Inbox} as it is shown
   */
  over(inbox) {
    return this.#changes.reduce((shown, { told, effect, targets }) => (told ? shown : effect(shown, targets)), inbox);
  }
}
