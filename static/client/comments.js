import { Outbox } from "./outbox.js";
import { PagedList } from "./paged-list.js";
import { TypingReporter } from "./typing.js";

/**
 * What people say about an entity. `items` are all comments, answers among them, newest first: wherever
 * a comment is in memory, so are its answers, which came later. `threads` sorts them. Beside the list
 * its snapshot has `count` (of all there are), `pending` (one's own on their way) and `typing`.
 *
 * @typedef {import("./types.js").Comment} Comment
 * @typedef {{count: number, pending: readonly import("./types.js").Pending[], typing: {id: string, name: string}[]}} More
 *
 * @extends {PagedList<Comment, More>}
 */
export class Comments extends PagedList {
  #entity;

  /**
   * @param {import("./hubbub.js").Surroundings} hubbub
   * @param {{type: string, id: string}} entity
   */
  constructor(hubbub, entity) {
    const { connection, settings, channels } = hubbub;
    const channel = `${entity.type}:${entity.id}:comments`;
    const query = { action: "comment:list", plural: "comments", payload: entity, limit: settings.commentPage };
    super(hubbub, (consumer) => channels.follow(channel, consumer, { snapshot: true }), query, {
      count: 0,
      pending: [],
      typing: [],
    });
    this.#entity = entity;
    this.typing = new TypingReporter(connection, channel, settings);
    this.outbox = new Outbox({
      send: (item) => this.#deliver(item),
      connection,
      settings,
      changed: () => this.change({ pending: this.outbox.items }),
    });
    connection.on("live", () => void this.outbox.resume());
  }

  /**
   * Comment, or answer a comment: it is in `pending` at once, and in `items` when the server has stored it.
   *
   * @param {string} body
   * @param {string | null} [parentId]
   */
  send(body, parentId = null) {
    this.outbox.add({ message: body, replyToId: parentId });
  }

  /**
   * @param {string} commentId
   * @param {string} body
   */
  async edit(commentId, body) {
    const editedAt = new Date().toISOString();
    await this.covered(commentId, (shown) => ({ ...shown, body, editedAt }), async () => {
      const stored = await this.call("comment:edit", { commentId, body });
      this.put(stored);
    });
  }

  /** @param {string} commentId */
  async delete(commentId) {
    await this.covered(commentId, () => null, async () => {
      await this.call("comment:delete", { commentId });
      this.remove(commentId);
    });
  }

  /**
   * Point moderators to a comment.
   *
   * @param {string} commentId
   * @param {string} [reason]
   */
  async flag(commentId, reason) {
    await this.call("comment:flag", { commentId, ...(reason && { reason }) });
  }

  /**
   * Moderators have decided on something of this user's here.
   *
   * @param {{subjectId: string, status: string}} decision
   */
  decided({ subjectId, status }) {
    if (status === "rejected") this.remove(subjectId);
  }

  /**
   * @protected
   * @param {import("./types.js").SubscribeReply | undefined} reply
   */
  async load(reply) {
    await super.load(reply);
    for (const { clientId, userId } of this.getSnapshot().items) {
      if (userId === this.hubbub.me.id) this.outbox.remove(clientId);
    }
    // True at the subscription's `seq`; the events behind it change it from there.
    if (reply?.snapshot) this.change({ count: reply.snapshot.count, typing: this.#others(reply.snapshot.typing) });
  }

  /**
   * @protected
   * @param {import("./types.js").Envelope} envelope
   */
  apply({ event, data }) {
    const { count } = this.getSnapshot();
    if (event === "comment:created") {
      this.change({ count: count + 1 });
      // Replayed without its text it is gone already; the event that tells so follows.
      if (data.body !== null) this.#stored(data);
    } else if (event === "comment:edited") {
      if (this.known(data.id)) this.put(data);
    } else if (event === "comment:deleted") {
      this.change({ count: Math.max(0, count - 1) });
      this.remove(data.commentId);
    }
  }

  /**
   * @protected
   * @param {import("./types.js").Envelope} envelope
   */
  signalled({ event, data }) {
    if (event === "typing:changed") this.change({ typing: this.#others(data.users) });
  }

  /** @protected */
  down() {
    this.change({ typing: [] });
  }

  /** @param {{id: string, name: string}[]} users */
  #others = (users = []) => users.filter(({ id }) => id !== this.hubbub.me.id);

  /** @param {Comment} comment */
  #stored(comment) {
    if (comment.userId === this.hubbub.me.id) this.outbox.remove(comment.clientId);
    // Comments stand in the order in which they appeared: one that waited for a moderator is the newest then.
    this.put(comment, { newest: this.known(comment.id)?.status !== "approved" });
  }

  /** @param {import("./types.js").Pending} item */
  async #deliver({ clientId, message: body, replyToId: parentId }) {
    const draft = { ...this.#entity, body, clientId, ...(parentId && { parentId }) };
    this.#stored(await this.call("comment:create", draft));
  }
}

/**
 * Comments as conversations: those that answer nothing, newest first, each with its answers, oldest
 * first, however deep. An answer to what is not in memory, or is gone, stands by itself.
 *
 * @typedef {{comment: Comment, answers: Thread[]}} Thread
 *
 * @param {Comment[]} items newest first
 * @returns {Thread[]}
 */
export function threads(items) {
  /** @type {Map<string, Thread>} */
  const known = new Map(items.map((comment) => [comment.id, { comment, answers: [] }]));
  const roots = [];
  for (const thread of known.values()) {
    const parent = known.get(thread.comment.parentId ?? "");
    if (parent) parent.answers.unshift(thread);
    else roots.push(thread);
  }
  return roots;
}
