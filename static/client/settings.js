/** Every time and bound of the client, with its default; pass what should differ to `new Hubbub({settings})`. */
export const defaultSettings = Object.freeze({
  /** How long an action waits for its acknowledgement. */
  ackTimeoutMs: 10_000,
  /** How long a lost connection counts as "reconnecting" before it counts as "offline". */
  offlineAfterMs: 8_000,
  /** First and longest pause before something that failed for a passing reason is tried again. */
  retryDelayMs: 1_000,
  retryDelayMaxMs: 15_000,
  /** Messages asked for at a time. */
  pageSize: 50,
  /** Messages kept in memory of a room that is shown, and of one that is not. */
  windowSize: 300,
  idleWindowSize: 50,
  /** Rooms whose events are followed from the start; the others follow when they are opened. */
  followedRooms: 150,
  /** Rooms whose members are asked for when somebody is to be picked. */
  peopleRooms: 20,
  /** Read positions and key strokes are gathered this long before they are told. */
  readDelayMs: 400,
  typingIntervalMs: 1_000,
  /** Nothing was touched for so long: the user is away. */
  awayAfterMs: 300_000,
  /** A page out of sight for so long is away; one that is reloaded is gone before. */
  hiddenAfterMs: 1_000,
  /** Whose presence to hear is gathered this long, so that a room full of people is asked for at once. */
  presenceDelayMs: 50,
  /** People watched each on a channel of their own; beyond that many the channel of everyone is cheaper. */
  presenceChannels: 20,
  /** People asked for at a time (the server takes 1,000). */
  presencePage: 500,
  /** Notifications asked for at a time, and kept in memory at most. */
  notificationPage: 30,
  notificationWindow: 300,
  /** Comments, pictures, stories, posts, what was saved and what waits for moderators: asked for at a time. */
  commentPage: 30,
  imagePage: 24,
  storyPage: 20,
  postPage: 20,
  savedPage: 30,
  moderationPage: 30,
  /** Records, conflicts and documents asked for at a time. */
  recordPage: 100,
  conflictPage: 30,
  documentPage: 50,
  /** Changes of shared data sent at a time: how many, and about how many bytes. */
  syncBatch: 50,
  syncBytes: 500_000,
  /** How long a change that was saved, or a document, says so. */
  savedMs: 2_000,
  /** How long an edit of a document that is missing may still come by itself. */
  documentHoleMs: 300,
  /** Pause between two places of one's cursor that the others are told. */
  cursorMs: 50,
  /** How many of such a list are kept as new ones come; what was paged back to stays. */
  listWindow: 300,
  /** How long the connection may be away before the community is heard another way. */
  communityFallbackMs: 5_000,
  /** Attempts to open a stream, at pauses that double from `retryDelayMs`, before polling takes over. */
  streamAttempts: 5,
  /** Pause between two polls: the first, the longest, and by how much it grows while nothing comes. */
  pollMs: 2_000,
  pollMaxMs: 10_000,
  pollGrowth: 1.5,
  /** Pages read back at most in search of one message. */
  findPages: 20,
});

/** @typedef {typeof defaultSettings} Settings */
