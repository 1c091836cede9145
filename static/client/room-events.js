/**
 * What each event on `room:{id}` does to a room in memory. All carry absolute values, so an event
 * that is already contained in what was loaded changes nothing.
 *
 * @typedef {import("./room.js").Room} Room
 *
 * @type {Record<string, (room: Room, data: any, me: string) => void>}
 */
const effects = {
  "message:created": (room, message, me) => {
    room.timeline.put(message);
    room.reading.created(message, me);
    room.counted();
    room.describe({ lastMessage: message });
  },
  "message:edited": (room, message) => {
    room.timeline.put(message);
    patchLast(room, message.id, message);
  },
  "message:deleted": (room, { messageId, seq }) => {
    const gone = { message: null, mentions: [], attachments: [], reactions: [], deletedAt: new Date().toISOString() };
    room.timeline.patch(messageId, gone);
    room.reading.deleted(seq);
    room.counted();
    patchLast(room, messageId, gone);
  },
  "message:reacted": (room, { messageId, reactions }) => room.timeline.patch(messageId, { reactions }),
  "message:read": (room, { userId, seq }) => room.members.patch(userId, { lastReadSeq: seq }),
  "member:joined": (room, member) => {
    room.members.put(member);
    room.recount(+1);
  },
  "member:updated": (room, member, me) => {
    room.members.put(member);
    if (member.userId === me) room.describe({ role: member.role });
  },
  "member:left": (room, { userId }) => {
    room.members.remove(userId);
    room.recount(-1);
  },
  "room:updated": (room, changed) => room.describe({ room: changed }),
};

/**
 * @param {Room} room
 * @param {import("./types.js").Envelope} envelope
 * @param {string} me
 */
export function applyRoomEvent(room, { event, data }, me) {
  // Names that a newer server adds are not ours to know.
  effects[event]?.(room, data, me);
}

/**
 * @param {Room} room
 * @param {string} messageId
 * @param {Partial<import("./types.js").Message>} changes
 */
function patchLast(room, messageId, changes) {
  const { lastMessage } = room.getSnapshot().summary;
  if (lastMessage?.id === messageId) room.describe({ lastMessage: { ...lastMessage, ...changes } });
}
