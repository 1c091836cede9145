import { Members } from "./members.js";
import { Observable } from "./observable.js";
import { ReadState } from "./read-state.js";
import { applyRoomEvent } from "./room-events.js";
import { Timeline } from "./timeline.js";
import { TypingReporter } from "./typing.js";

/**
 * One room: its line in the list of rooms always, its messages and members while it is open. Its
 * snapshot is `{summary, typing}`; `timeline` and `members` are stores of their own, so that what
 * shows the one is not disturbed by the other.
 *
 * @typedef {import("./types.js").RoomSummary} RoomSummary
 *
 * @extends {Observable<{summary: RoomSummary, typing: import("./types.js").User[]}>}
 */
export class Room extends Observable {
  #hubbub;
  #refreshList;
  /** @type {ReturnType<import("./channels.js").Channels["follow"]> | null} */
  #subscription = null;

  /**
   * @param {import("./types.js").Room} room
   * @param {import("./hubbub.js").Surroundings} hubbub
   * @param {() => Promise<void>} refreshList brings the summaries of all rooms up to the present
   */
  constructor(room, hubbub, refreshList) {
    const counts = { unreadCount: 0, mentionCount: 0, lastReadSeq: 0 };
    super({ summary: { room, role: null, users: [], lastMessage: null, ...counts }, typing: [] });
    const { connection, settings, report } = hubbub;
    this.id = room.id;
    this.channel = `room:${room.id}`;
    this.#hubbub = hubbub;
    this.#refreshList = refreshList;
    this.typing = new TypingReporter(connection, this.channel, settings);
    this.members = new Members(room.id, connection);
    this.reading = new ReadState({
      tell: (seq) => connection.call("message:read", { roomId: this.id, seq }),
      settings,
      report,
    });
    this.timeline = new Timeline(room.id, hubbub, {
      hold: async (work) => this.#subscription?.hold(work),
      reading: this.reading,
    });
  }

  get joined() {
    return this.getSnapshot().summary.role !== null;
  }

  /** Hear of everything that happens in the room. */
  follow() {
    this.#subscription ??= this.#hubbub.channels.follow(this.channel, {
      load: () => this.#load(),
      event: (envelope) => applyRoomEvent(this, envelope, this.#hubbub.me.id),
      signal: ({ event, data }) => {
        if (event !== "typing:changed") return;
        const others = data.users.filter((/** @type {{id: string}} */ user) => user.id !== this.#hubbub.me.id);
        this.change({ typing: others });
      },
      down: () => this.change({ typing: [] }),
      failed: (error) => {
        // Followed anew as soon as the room is opened again, or the user is let in again.
        this.unfollow();
        this.timeline.fail(error);
      },
    });
  }

  unfollow() {
    this.#subscription?.close();
    this.#subscription = null;
    this.timeline.forget();
  }

  /** Show the room: load its newest messages and its members, and keep more of them in memory. */
  open() {
    const followed = this.#subscription !== null;
    this.follow();
    // A channel that is followed only now loads what is shown when its subscription stands.
    this.timeline.open({ load: followed });
    if (followed) this.#hubbub.background(this.loadMembers());
  }

  /** The room is no longer shown. */
  close() {
    this.typing.stop();
    this.timeline.close();
    if (!this.joined) this.unfollow();
  }

  /** The connection is back: go on with what could not be finished. */
  resume() {
    this.timeline.resume();
    this.reading.resume();
    if (this.timeline.opened) this.#hubbub.background(this.loadMembers());
  }

  /**
   * Tell what the user sees: messages in sight are read, and the newest are kept in memory.
   *
   * @param {{atNewest: boolean, attentive: boolean}} view `attentive`: the page is in front of someone
   */
  looking({ atNewest, attentive }) {
    const seq = this.timeline.looking(atNewest);
    if (!attentive || !this.joined) return;
    this.reading.read(seq);
    this.counted();
  }

  /** See to it that the first members are loaded. */
  async loadMembers() {
    const missing = this.members.getSnapshot().members.length === 0;
    if (missing) await this.#subscription?.hold(() => this.members.load());
  }

  async join() {
    await this.#hubbub.connection.call("room:join", { roomId: this.id });
    await this.#refreshList();
  }

  async leave() {
    await this.#hubbub.connection.call("room:leave", { roomId: this.id });
    await this.#refreshList();
  }

  async archive() {
    await this.#hubbub.connection.call("room:archive", { roomId: this.id });
    await this.#refreshList();
  }

  /** @param {{name?: string, description?: string | null, slowMode?: number | null}} changes */
  async update(changes) {
    this.describe({ room: await this.#hubbub.connection.call("room:update", { roomId: this.id, ...changes }) });
  }

  /**
   * Take the room's line in the server's list of the user's rooms.
   *
   * @param {import("./types.js").RoomLine} line
   */
  adopt({ roomId: _roomId, role, users = [], lastMessage, unreadCount, mentionCount, lastReadSeq, ...room }) {
    this.reading.adopt({ lastReadSeq, unreadCount, mentionCount }, lastMessage?.seq ?? 0);
    this.describe({ room, role, users, lastMessage });
    this.counted();
  }

  /** The user does not belong to the room any more. */
  left() {
    this.unfollow();
    this.describe({ role: null });
    // A public room can still be read; of another one the answer says that it cannot.
    if (this.timeline.opened) this.follow();
  }

  /** @param {Partial<RoomSummary>} changes */
  describe(changes) {
    this.change({ summary: { ...this.getSnapshot().summary, ...changes } });
  }

  /** @param {number} change how many members more; where all of them are in memory, they are counted instead */
  recount(change) {
    const { room } = this.getSnapshot().summary;
    const { members, hasMore } = this.members.getSnapshot();
    this.describe({ room: { ...room, memberCount: hasMore ? room.memberCount + change : members.length } });
  }

  /** Show the counts of the read state. */
  counted() {
    const { unreadCount, mentionCount, lastReadSeq } = this.reading;
    const { summary } = this.getSnapshot();
    const same =
      summary.unreadCount === unreadCount && summary.mentionCount === mentionCount && summary.lastReadSeq === lastReadSeq;
    if (!same) this.describe({ unreadCount, mentionCount, lastReadSeq });
  }

  /** Bring everything that is shown of the room up to the present, while its events wait. */
  async #load() {
    const { opened } = this.timeline;
    if (!opened) {
      this.timeline.forget();
      this.members.forget();
    }
    await Promise.all([
      this.joined && this.#refreshList(),
      opened && this.timeline.load(),
      opened && this.members.load(),
    ]);
  }
}
