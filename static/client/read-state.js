import { retryDelay } from "./retrying.js";

/**
 * How far this user has read a room, and what waits beyond.
 *
 * The server's counts come on the user's own channel and the messages on the room's, so either may
 * overtake the other. `#counted` is the newest message that the counts cover: a message is counted
 * once, whichever way it is heard of first.
 */
export class ReadState {
  lastReadSeq = 0;
  unreadCount = 0;
  mentionCount = 0;
  /** Newest message known to exist. */
  newestSeq = 0;
  #counted = 0;
  #toldSeq = 0;
  #tell;
  #settings;
  #report;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;

  /**
   * @param {object} options
   * @param {(seq: number) => Promise<any>} options.tell `message:read` of this room
   * @param {import("./settings.js").Settings} options.settings
   * @param {(error: any) => void} options.report
   */
  constructor({ tell, settings, report }) {
    this.#tell = tell;
    this.#settings = settings;
    this.#report = report;
  }

  /**
   * Take the server's counts, unless what was read here since is still on its way there.
   *
   * @param {{lastReadSeq: number, unreadCount: number, mentionCount: number}} counts
   * @param {number} [newestSeq] the newest message that they cover, where the source tells it
   */
  adopt({ lastReadSeq, unreadCount, mentionCount }, newestSeq = lastReadSeq + unreadCount) {
    this.exists(newestSeq);
    if (lastReadSeq < this.lastReadSeq) return;
    this.#toldSeq = lastReadSeq;
    this.#readUpTo(lastReadSeq);
    if (newestSeq < this.#counted) return;
    this.unreadCount = unreadCount;
    this.mentionCount = mentionCount;
    this.#counted = newestSeq;
  }

  /** @param {number} seq of a message that was seen to exist */
  exists(seq) {
    this.newestSeq = Math.max(this.newestSeq, seq);
  }

  /**
   * @param {import("./types.js").Message} message
   * @param {string} me
   */
  created(message, me) {
    this.exists(message.seq);
    if (message.seq <= this.#counted) return;
    this.#counted = message.seq;
    if (message.userId === me) {
      // Sending reads up to one's own message; the server has noted it with the message.
      this.#toldSeq = message.seq;
      this.#readUpTo(message.seq);
    } else if (message.seq > this.lastReadSeq) {
      this.unreadCount++;
      if (message.mentions.includes(me)) this.mentionCount++;
    }
  }

  /** @param {number} seq of a message whose text is gone: it no longer waits to be read */
  deleted(seq) {
    if (seq > this.lastReadSeq) this.unreadCount = Math.max(0, this.unreadCount - 1);
  }

  /**
   * This user has seen the messages up to `seq`; the server is told a little later, once for many.
   *
   * @param {number} seq
   */
  read(seq) {
    if (seq <= this.lastReadSeq) return;
    this.#readUpTo(seq);
    this.#schedule(this.#settings.readDelayMs);
  }

  /** The connection is back: tell what could not be told. */
  resume() {
    if (this.#toldSeq >= this.lastReadSeq) return;
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#schedule(0);
  }

  /** @param {number} seq */
  #readUpTo(seq) {
    this.lastReadSeq = seq;
    // Exact unless messages in between were deleted, which the server's next count sets right.
    this.unreadCount = Math.min(this.unreadCount, Math.max(0, this.newestSeq - seq));
    if (seq >= this.newestSeq) this.mentionCount = 0;
  }

  /** @param {number} delay */
  #schedule(delay, attempt = 0) {
    this.#timer ??= setTimeout(async () => {
      this.#timer = undefined;
      const seq = this.lastReadSeq;
      try {
        await this.#tell(seq);
        this.#toldSeq = Math.max(this.#toldSeq, seq);
      } catch (error) {
        if (!(/** @type {any} */ (error).retryable)) this.#report(error);
        else this.#schedule(retryDelay(attempt, error, this.#settings), attempt + 1);
      }
    }, delay);
  }
}
