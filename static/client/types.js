/**
 * The shapes that go over the wire (section numbers refer to the wire contract) and those that the
 * stores hand out. Nothing here runs.
 *
 * @typedef {{id: string, name: string, firstName: string | null, lastName: string | null, profileImage: string | null}} User
 * @typedef {{code: string, message: string, fields?: Record<string, string[]>, retryAfter?: number, current?: any}} ErrorReply
 *
 * @typedef {object} Envelope                An event or, without `seq`, a signal (section 4).
 * @property {string} event
 * @property {string} channel
 * @property {number} [seq]
 * @property {string} at
 * @property {any} data
 *
 * @typedef {{channel: string, seq: number, recovered: boolean, events: Envelope[], snapshot?: any}} SubscribeReply
 *
 * @typedef {object} Presence                (section 6)
 * @property {string} userId
 * @property {boolean} isOnline
 * @property {"online" | "away" | "offline"} status
 * @property {string | null} lastSeenAt
 * @property {string | null} currentPage
 * @property {string | null} activity
 * @property {User} user
 *
 * @typedef {"BOOKING" | "TOUR" | "PAYMENT" | "SYSTEM" | "PROMOTION" | "MESSAGE"} NotificationType
 *
 * @typedef {object} Notification            (section 7)
 * @property {string} id
 * @property {string} title
 * @property {string} message
 * @property {NotificationType} type
 * @property {"info" | "success" | "warning" | "error"} level
 * @property {boolean} isRead
 * @property {string | null} link
 * @property {any} data
 * @property {number} count                  how many were collapsed into it
 * @property {string} createdAt
 *
 * @typedef {{type: NotificationType | null, unread: boolean}} NotificationFilter
 *
 * @typedef {{start: string, end: string, timeZone: string}} QuietHours   "22:00", "07:00", "Europe/Lisbon"
 *
 * @typedef {object} NotificationPreferences
 * @property {Record<NotificationType, {inApp: boolean, push: boolean}>} types
 * @property {QuietHours | null} quietHours
 * @property {string[]} mutedRooms           ids
 *
 * @typedef {object} Room                    (section 5)
 * @property {string} id
 * @property {string | null} name            null in a direct room
 * @property {string | null} description
 * @property {"public" | "private" | "direct"} visibility
 * @property {boolean} isActive              false once archived
 * @property {number | null} slowMode        seconds between two messages of one member
 * @property {number} memberCount
 * @property {string} createdAt
 * @property {string} updatedAt
 *
 * @typedef {{userId: string, role: "owner" | "moderator" | "member", joinedAt: string, lastReadSeq: number, user: User, presence?: Presence}} Member
 * @typedef {{emoji: string, count: number, userIds: string[]}} Reaction
 *
 * @typedef {object} Message
 * @property {string} id
 * @property {number} seq                    numbers the messages of the room without holes
 * @property {string} roomId
 * @property {string} userId
 * @property {string | null} message         null once deleted
 * @property {string | null} clientId
 * @property {string | null} replyToId
 * @property {string[]} mentions             ids of the members mentioned
 * @property {any[]} attachments
 * @property {Reaction[]} reactions
 * @property {string} createdAt
 * @property {string | null} editedAt
 * @property {string | null} deletedAt
 * @property {User} user
 *
 * @typedef {object} Pending                 A message of one's own that the server has not stored yet.
 * @property {string} clientId
 * @property {string} message
 * @property {string | null} replyToId
 * @property {string[]} mentions
 * @property {string} createdAt
 * @property {"pending" | "waiting" | "failed"} status   `waiting`: held back by a limit until `retryAt`
 * @property {number | null} retryAt         milliseconds since 1970
 * @property {Error | null} error
 *
 * @typedef {object} Comment                 (section 8)
 * @property {string} id
 * @property {string} entityType
 * @property {string} entityId
 * @property {string} userId
 * @property {string | null} parentId
 * @property {string | null} body            null once deleted
 * @property {string | null} clientId
 * @property {"approved" | "pending" | "deleted"} status   while it is pending its author and moderators alone see it
 * @property {number} replyCount
 * @property {string} createdAt
 * @property {string | null} editedAt
 * @property {string | null} deletedAt
 * @property {User} user
 *
 * @typedef {object} Image
 * @property {string} id
 * @property {string} entityType
 * @property {string} entityId
 * @property {string} url                    a path of the server
 * @property {string} thumbnailUrl
 * @property {number} width
 * @property {number} height
 * @property {number} bytes
 * @property {string | null} caption
 * @property {"approved" | "pending" | "deleted"} status
 * @property {boolean} isFeatured
 * @property {string} createdAt
 * @property {User} user
 *
 * @typedef {object} Story
 * @property {string} id
 * @property {string | null} title           null once deleted
 * @property {string | null} genre
 * @property {string | null} body
 * @property {"public" | "unlisted" | "private"} visibility
 * @property {"approved" | "pending" | "deleted"} status
 * @property {string} authorId
 * @property {string} createdAt
 * @property {string} updatedAt
 * @property {string | null} publishedAt
 * @property {string | null} deletedAt
 * @property {User} user
 *
 * @typedef {object} Post
 * @property {string} id
 * @property {string} storyId
 * @property {string} authorId
 * @property {string | null} title
 * @property {string | null} body
 * @property {"discussion" | "review" | "question" | "announcement"} type
 * @property {"approved" | "pending" | "deleted"} status
 * @property {string} createdAt
 * @property {string} updatedAt
 * @property {string | null} deletedAt
 * @property {User} user
 *
 * @typedef {object} ModerationItem
 * @property {string} id
 * @property {string} kind                   `comment`, `image`, `story`, `post`
 * @property {string} subjectId
 * @property {string} entityType
 * @property {string} entityId
 * @property {"flag" | "word" | "upload"} cause
 * @property {"pending" | "approved" | "rejected" | "withdrawn"} status
 * @property {number} flagCount
 * @property {{userId: string, reason: string | null, createdAt: string}[]} flags
 * @property {string | null} reason
 * @property {string | null} decidedBy
 * @property {string} createdAt
 * @property {string | null} decidedAt
 * @property {any} subject                   the thing itself, null once it is gone
 * @property {User | null} user              who made it
 *
 * @typedef {{since: string, until: string | null, reason: string | null, by: string}} Sanction
 * @typedef {{userId: string, muted: Sanction | null, banned: Sanction | null, revokedAt: string | null}} Standing
 *
 * @typedef {object} SharedRecord            (section 9)
 * @property {string} id
 * @property {string} collection
 * @property {Record<string, any>} data
 * @property {number} version                0 while the server does not have it
 * @property {string} ownerId
 * @property {string} createdAt
 * @property {string} updatedAt
 * @property {string} updatedBy
 * @property {Settlement} [conflict]         in the answer to a write that met another one
 *
 * @typedef {{strategy: string, fields: string[], lost: Record<string, any>}} Settlement
 *
 * @typedef {object} Conflict                Two writes of one record that somebody has to decide between.
 * @property {string} id
 * @property {string} collection
 * @property {string} recordId
 * @property {Record<string, any>} local     what this user wrote
 * @property {Record<string, any> | null} remote   what others had written meanwhile; null once deleted
 * @property {Record<string, any> | null} base     what both began with
 * @property {boolean} requiresManualResolution
 *
 * @typedef {object} SharedDocument
 * @property {string} id
 * @property {string} title
 * @property {number} version
 * @property {string} [content]              its plain text
 * @property {{everyone: "none" | "read" | "write", users: Record<string, "read" | "write">}} access   of others the owner alone sees all
 * @property {"owner" | "write" | "read"} mine   what this user may do with it
 * @property {string} ownerId
 * @property {string} createdAt
 * @property {string} updatedAt
 *
 * @typedef {{id: string, documentId: string, name: string, version: number, createdAt: string, user: User | null}} DocumentVersion
 * @typedef {{userId: string, name: string, color: string, cursor: any, clientId: number}} Collaborator
 *
 * @typedef {object} RoomSummary             One line of the list of rooms.
 * @property {Room} room
 * @property {"owner" | "moderator" | "member" | null} role   of this user; null for one who only reads
 * @property {User[]} users                  of a direct room: the people in it
 * @property {Message | null} lastMessage
 * @property {number} unreadCount
 * @property {number} mentionCount
 * @property {number} lastReadSeq
 *
 * @typedef {Room & {roomId: string, role: "owner" | "moderator" | "member", users?: User[], lastMessage: Message | null,
 *   unreadCount: number, mentionCount: number, lastReadSeq: number}} RoomLine   An element of `room:list`.
 *
 * @typedef {object} TimelineView            What the store of a room's messages hands out.
 * @property {"idle" | "loading" | "ready" | "failed"} status
 * @property {Error | null} error
 * @property {Message[]} messages            oldest first, without holes
 * @property {readonly Pending[]} pending
 * @property {boolean} hasOlder
 * @property {boolean} hasNewer              true while an older part of the room is shown
 * @property {boolean} loadingOlder
 * @property {boolean} loadingNewer
 */

export {};
