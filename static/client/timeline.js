import { MessageWindow } from "./message-window.js";
import { Observable } from "./observable.js";
import { Outbox } from "./outbox.js";
import { hasReacted, withReaction } from "./reactions.js";
import { persistently } from "./retrying.js";

/**
 * The messages of one room: the stretch of them that is in memory, and one's own that are on the way.
 *
 * @typedef {import("./types.js").Message} Message
 *
 * @extends {Observable<import("./types.js").TimelineView>}
 */
export class Timeline extends Observable {
  #roomId;
  #hubbub;
  #hold;
  #reading;
  #window;
  #opened = false;
  #interrupted = false;

  /**
   * @param {string} roomId
   * @param {import("./hubbub.js").Surroundings} hubbub
   * @param {object} room
   * @param {(work: () => Promise<void>) => Promise<void>} room.hold lets events wait while `work` loads
   * @param {import("./read-state.js").ReadState} room.reading
   */
  constructor(roomId, hubbub, { hold, reading }) {
    super({
      status: "idle",
      error: null,
      messages: [],
      pending: [],
      hasOlder: false,
      hasNewer: false,
      loadingOlder: false,
      loadingNewer: false,
    });
    this.#roomId = roomId;
    this.#hubbub = hubbub;
    this.#hold = hold;
    this.#reading = reading;
    this.#window = new MessageWindow(hubbub.settings.idleWindowSize);
    this.outbox = new Outbox({
      send: (item) => this.#deliver(item),
      connection: hubbub.connection,
      settings: hubbub.settings,
      changed: () => this.change({ pending: this.outbox.items }),
    });
  }

  get opened() {
    return this.#opened;
  }

  /**
   * Keep more of the messages in memory, and see to it that the newest are.
   *
   * @param {{load: boolean}} options `load`: nobody else is about to load them
   */
  open({ load }) {
    this.#opened = true;
    this.#window.limit = this.#hubbub.settings.windowSize;
    const { status } = this.getSnapshot();
    if (status === "ready" || status === "loading") return;
    this.change({ status: "loading", error: null });
    if (load) void this.#show(() => this.load());
  }

  /** Keep only the newest messages, for the next time. */
  close() {
    this.#opened = false;
    this.#window.limit = this.#hubbub.settings.idleWindowSize;
    this.#window.followsNewest = true;
    if (this.#window.hasNewer) this.forget();
    else this.#window.shrink();
    this.#publish();
  }

  /** What is in memory may be out of date: load it anew when it is wanted. */
  forget() {
    this.change({ status: this.#opened ? "loading" : "idle" });
  }

  /** @param {Error} error why the room cannot be read */
  fail(error) {
    this.change({ status: "failed", error });
  }

  /** The connection is back: go on with what could not be finished. */
  resume() {
    void this.outbox.resume();
    if (this.#interrupted) void this.#show(() => this.load());
  }

  /** Load the newest messages, while events wait. */
  async load() {
    const page = await this.#history({});
    this.#window.reset(page.messages, { hasOlder: page.hasMore, hasNewer: false });
    this.#reading.exists(this.#window.last?.seq ?? 0);
    for (const { clientId, userId } of page.messages) {
      if (userId === this.#hubbub.me.id) this.outbox.remove(clientId);
    }
    this.#publish();
    this.change({ status: "ready", error: null });
  }

  // --- which part is in memory -----------------------------------------------

  async loadOlder() {
    const { hasOlder, loadingOlder, status } = this.getSnapshot();
    if (!hasOlder || loadingOlder || status !== "ready") return;
    this.change({ loadingOlder: true });
    await this.#show(async () => {
      const page = await this.#history({ before: this.#window.first.seq });
      this.#window.prepend(page.messages, page.hasMore);
    });
    this.change({ loadingOlder: false });
  }

  async loadNewer() {
    const { hasNewer, loadingNewer, status } = this.getSnapshot();
    if (!hasNewer || loadingNewer || status !== "ready") return;
    this.change({ loadingNewer: true });
    await this.#show(async () => {
      const page = await this.#history({ after: this.#window.last.seq });
      this.#window.append(page.messages, page.hasMore);
    });
    this.change({ loadingNewer: false });
  }

  /** Show the newest messages, whatever part was shown before. */
  async showNewest() {
    this.#window.followsNewest = true;
    if (this.#window.hasNewer) await this.#show(() => this.load());
  }

  /**
   * Show the part of the room around a message.
   *
   * @param {number} seq
   */
  async showAround(seq) {
    const { first, last } = this.#window;
    if (first && first.seq <= seq && seq <= last.seq) return;
    await this.#show(async () => {
      const half = Math.floor(this.#hubbub.settings.pageSize / 2);
      const { messages, hasMore } = await this.#history({ before: seq + half });
      const hasNewer = messages.length > 0 && messages[messages.length - 1].seq < this.#reading.newestSeq;
      this.#window.reset(messages, { hasOlder: hasMore, hasNewer });
      this.change({ status: "ready", error: null });
    });
  }

  /**
   * Page back until a message is in memory. Ids sort by creation, so it ends where the message would be.
   *
   * @param {string} messageId
   * @returns {Promise<boolean>} whether it was found
   */
  async find(messageId) {
    for (let pages = 0; pages < this.#hubbub.settings.findPages; pages++) {
      if (this.#window.get(messageId)) return true;
      if (!this.#window.hasOlder || !this.#window.first || this.#window.first.id < messageId) return false;
      await this.loadOlder();
    }
    return false;
  }

  /**
   * @param {boolean} atNewest whether the end of the messages is in sight
   * @returns {number} `seq` of the newest message in sight there, else 0
   */
  looking(atNewest) {
    this.#window.followsNewest = atNewest;
    return atNewest && !this.#window.hasNewer ? (this.#window.last?.seq ?? 0) : 0;
  }

  // --- changes by this user --------------------------------------------------

  /**
   * Send a message: it is in `pending` at once, and in `messages` when the server has stored it.
   *
   * @param {{message: string, replyToId?: string | null, mentions?: string[]}} draft
   */
  send(draft) {
    this.outbox.add(draft);
    void this.showNewest();
  }

  /**
   * @param {string} messageId
   * @param {string} message
   */
  async edit(messageId, message) {
    const editedAt = new Date().toISOString();
    await this.#covered(messageId, (shown) => ({ ...shown, message, editedAt }), async () => {
      this.#window.put(await this.#call("message:edit", { messageId, message }));
    });
  }

  /** @param {string} messageId */
  async delete(messageId) {
    const gone = { message: null, deletedAt: new Date().toISOString(), reactions: [] };
    await this.#covered(messageId, (shown) => ({ ...shown, ...gone }), async () => {
      await this.#call("message:delete", { messageId });
      this.#window.patch(messageId, gone);
    });
  }

  /**
   * React, or take the reaction back.
   *
   * @param {string} messageId
   * @param {string} emoji
   */
  async toggleReaction(messageId, emoji) {
    const me = this.#hubbub.me.id;
    const message = this.getSnapshot().messages.find((each) => each.id === messageId);
    if (!message) return;
    const wanted = !hasReacted(message.reactions, emoji, me);
    const reacted = (/** @type {Message} */ shown) => ({
      ...shown,
      reactions: withReaction(shown.reactions, emoji, me, wanted),
    });
    await this.#covered(messageId, reacted, async () => {
      const reply = await this.#call(wanted ? "message:react" : "message:unreact", { messageId, emoji });
      this.#window.patch(messageId, { reactions: reply.reactions });
    });
  }

  // --- changes told by the server --------------------------------------------

  /** @param {Message} message new, or in a newer state */
  put(message) {
    if (message.userId === this.#hubbub.me.id) this.outbox.remove(message.clientId);
    this.#window.put(message);
    this.#publish();
  }

  /**
   * @param {string} messageId
   * @param {Partial<Message>} changes
   */
  patch(messageId, changes) {
    this.#window.patch(messageId, changes);
    this.#publish();
  }

  #publish() {
    const { hasOlder, hasNewer } = this.#window;
    this.change({ messages: this.#window.list(), hasOlder, hasNewer });
  }

  /**
   * Change which messages are in memory, while events wait.
   *
   * @param {() => Promise<void>} work
   */
  async #show(work) {
    const { connection, settings, report } = this.#hubbub;
    this.#interrupted = false;
    try {
      await this.#hold(() => persistently(work, connection, settings));
    } catch (failure) {
      const error = /** @type {import("./errors.js").HubbubError} */ (failure);
      const loading = this.getSnapshot().status === "loading";
      if (error.retryable) this.#interrupted = loading;
      else if (loading) this.fail(error);
      else report(error);
    }
    this.#publish();
  }

  /**
   * Show a message as it will be while the server is told, and as the server has it afterwards.
   *
   * @param {string} messageId
   * @param {(message: Message) => Message} overlay
   * @param {() => Promise<void>} work
   */
  async #covered(messageId, overlay, work) {
    const uncover = this.#window.cover(messageId, overlay);
    this.#publish();
    try {
      await work();
    } finally {
      uncover();
      this.#publish();
    }
  }

  /** @param {import("./types.js").Pending} item */
  async #deliver({ clientId, message, replyToId, mentions }) {
    const draft = { roomId: this.#roomId, clientId, message, replyToId: replyToId ?? undefined, mentions };
    this.put(await this.#call("message:send", draft));
  }

  /** @param {{before?: number, after?: number}} range */
  #history(range) {
    return this.#call("message:history", { roomId: this.#roomId, limit: this.#hubbub.settings.pageSize, ...range });
  }

  /**
   * @param {string} action
   * @param {object} payload
   */
  #call(action, payload) {
    return this.#hubbub.connection.call(action, payload);
  }
}
