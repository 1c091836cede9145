/**
 * The part of a room's messages that is in memory: an unbroken stretch, oldest first, of at most
 * `limit` messages. What is added at one end beyond that is let go at the other.
 *
 * Changes that are on their way to the server lie over the messages until they are settled, so a
 * refused one leaves no trace and nothing has to be put back.
 *
 * @typedef {import("./types.js").Message} Message
 */
export class MessageWindow {
  /** @type {Message[]} */
  #messages = [];
  /** @type {Map<string, Set<(message: Message) => Message>>} */
  #overlays = new Map();
  /** @type {Message[] | null} */
  #shown = null;
  hasOlder = false;
  hasNewer = false;
  /** Whether the newest message is being looked at; else the older end is kept when room runs out. */
  followsNewest = true;

  /** @param {number} limit */
  constructor(limit) {
    this.limit = limit;
  }

  get first() {
    return this.#messages[0];
  }

  get last() {
    return this.#messages[this.#messages.length - 1];
  }

  /** @param {string} id */
  get(id) {
    return this.#messages.find((message) => message.id === id);
  }

  /** The messages with the changes under way; the same array as long as nothing changes. */
  list() {
    this.#shown ??= this.#messages.map((message) => {
      let shown = message;
      for (const overlay of this.#overlays.get(message.id) ?? []) shown = overlay(shown);
      return shown;
    });
    return this.#shown;
  }

  /**
   * @param {Message[]} messages
   * @param {{hasOlder: boolean, hasNewer: boolean}} ends
   */
  reset(messages, { hasOlder, hasNewer }) {
    this.hasOlder = hasOlder;
    this.hasNewer = hasNewer;
    this.#set(messages);
  }

  /**
   * @param {Message[]} page directly before the first message
   * @param {boolean} hasOlder
   */
  prepend(page, hasOlder) {
    this.hasOlder = hasOlder;
    this.#set([...page, ...this.#messages]);
    this.#trimEnd();
  }

  /**
   * @param {Message[]} page directly after the last message
   * @param {boolean} hasNewer
   */
  append(page, hasNewer) {
    this.hasNewer = hasNewer;
    this.#set([...this.#messages, ...page]);
    this.#trimStart();
  }

  /**
   * Take in a message as the server has it: a new one, or a newer state of a known one. One that
   * lies outside of the stretch is left to paging.
   *
   * @param {Message} message
   */
  put(message) {
    const at = this.#messages.findIndex((known) => known.seq >= message.seq);
    if (at >= 0 && this.#messages[at].seq === message.seq) {
      this.#set(this.#messages.with(at, message));
    } else if (at === 0 && this.hasOlder) {
      return;
    } else if (at >= 0) {
      this.#set(this.#messages.toSpliced(at, 0, message));
    } else if (!this.hasNewer) {
      this.#set([...this.#messages, message]);
    }
    if (this.followsNewest) this.#trimStart();
    else this.#trimEnd();
  }

  /**
   * @param {string} id
   * @param {Partial<Message>} changes
   */
  patch(id, changes) {
    const at = this.#messages.findIndex((message) => message.id === id);
    if (at >= 0) this.#set(this.#messages.with(at, { ...this.#messages[at], ...changes }));
  }

  /**
   * Show a message changed.
   *
   * @param {string} id
   * @param {(message: Message) => Message} overlay
   * @returns {() => void} shows it as it is again
   */
  cover(id, overlay) {
    const overlays = this.#overlays.get(id) ?? new Set();
    this.#overlays.set(id, overlays.add(overlay));
    this.#shown = null;
    return () => {
      overlays.delete(overlay);
      if (overlays.size === 0) this.#overlays.delete(id);
      this.#shown = null;
    };
  }

  /** Let go of the oldest messages beyond the limit. */
  shrink() {
    if (!this.hasNewer) this.#trimStart();
  }

  #trimStart() {
    if (this.#messages.length <= this.limit) return;
    this.hasOlder = true;
    this.#set(this.#messages.slice(-this.limit));
  }

  #trimEnd() {
    if (this.#messages.length <= this.limit) return;
    this.hasNewer = true;
    this.#set(this.#messages.slice(0, this.limit));
  }

  /** @param {Message[]} messages */
  #set(messages) {
    this.#messages = messages;
    this.#shown = null;
  }
}
