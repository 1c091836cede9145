/**
 * Who reads a room has seen what they were notified of there: it counts as read when the message does.
 * What was marked as unread afterwards stays so.
 *
 * @param {import("./chat.js").Chat} chat
 * @param {import("./notifications.js").Notifications} notifications
 * @param {(work: Promise<any>) => void} background
 */
export function readWithRooms(chat, notifications, background) {
  /** @type {Map<string, number>} */
  const readUpTo = new Map();
  const see = (/** @type {string[]} */ ids) => {
    if (ids.length === 0) return;
    // Another tab may have been quicker, and deleted it.
    const gone = (/** @type {any} */ error) => {
      if (error.code !== "not_found") throw error;
    };
    background(notifications.read(ids).catch(gone));
  };

  chat.subscribe(() => {
    for (const { room, lastReadSeq } of chat.getSnapshot().rooms) {
      const before = readUpTo.get(room.id);
      readUpTo.set(room.id, lastReadSeq);
      if (before === undefined || before >= lastReadSeq) continue;
      const within = (/** @type {import("./types.js").Notification} */ { isRead, data }) =>
        !isRead && data?.roomId === room.id && data.seq > before && data.seq <= lastReadSeq;
      see(notifications.getSnapshot().notifications.filter(within).map(({ id }) => id));
    }
  });
  notifications.onCreated(({ notification: { id, data } }) => {
    if (data?.seq <= (readUpTo.get(data?.roomId) ?? 0)) see([id]);
  });
}
