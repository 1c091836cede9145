import { PagedList } from "./paged-list.js";

/**
 * What waits for moderators, or was decided, newest first. What this moderator decides leaves the list at once, and
 * comes back when the server refuses. `pendingCount` is of all that waits, whatever the list shows.
 *
 * @typedef {import("./types.js").ModerationItem} ModerationItem
 * @typedef {{kind: string | null, status: ModerationItem["status"]}} ModerationFilter
 *
 * @extends {PagedList<ModerationItem, {filter: ModerationFilter, pendingCount: number}>}
 */
export class Moderation extends PagedList {
  /** @param {import("./hubbub.js").Surroundings} hubbub */
  constructor(hubbub) {
    const query = { action: "moderation:list", plural: "items", payload: {}, limit: hubbub.settings.moderationPage };
    const follow = (/** @type {import("./channel.js").Consumer} */ consumer) =>
      hubbub.channels.follow("admin", consumer, { snapshot: true });
    super(hubbub, follow, query, { filter: { kind: null, status: "pending" }, pendingCount: 0 });
  }

  /**
   * Show items of another status, or of one kind alone.
   *
   * @param {Partial<ModerationFilter>} changes null as the kind: of all
   */
  async show(changes) {
    const filter = { ...this.getSnapshot().filter, ...changes };
    const { kind, status } = filter;
    this.change({ filter });
    await this.ask({ status, ...(kind && { kind }) });
  }

  /**
   * @param {string} itemId
   * @param {"approve" | "reject"} decision
   * @param {string} [reason] is told to the author
   */
  async decide(itemId, decision, reason) {
    await this.covered(itemId, () => null, async () => {
      try {
        await this.call("moderation:decide", { itemId, decision, ...(reason && { reason }) });
      } catch (error) {
        // Another moderator was first: it waits no longer, whoever decided.
        if (/** @type {any} */ (error).code === "conflict") this.remove(itemId);
        throw error;
      }
      this.remove(itemId);
    });
  }

  /**
   * Let somebody say nothing more, for a while or until they are pardoned.
   *
   * @param {string} userId
   * @param {{seconds?: number, reason?: string}} [terms]
   * @returns {Promise<import("./types.js").Standing>}
   */
  mute(userId, terms = {}) {
    return this.call("user:mute", { userId, ...terms });
  }

  /**
   * Send somebody away and let them in no more, for a while or until they are pardoned.
   *
   * @param {string} userId
   * @param {{seconds?: number, reason?: string}} [terms]
   * @returns {Promise<import("./types.js").Standing>}
   */
  ban(userId, terms = {}) {
    return this.call("user:ban", { userId, ...terms });
  }

  /**
   * Send somebody away; the tokens that they had until now count no more.
   *
   * @param {string} userId
   * @returns {Promise<import("./types.js").Standing>}
   */
  revoke(userId) {
    return this.call("user:revoke", { userId });
  }

  /**
   * End a mute and a ban.
   *
   * @param {string} userId
   * @returns {Promise<import("./types.js").Standing>}
   */
  pardon(userId) {
    return this.call("user:pardon", { userId });
  }

  /**
   * @protected
   * @param {import("./types.js").SubscribeReply | undefined} reply
   */
  async load(reply) {
    await super.load(reply);
    // True at the subscription's `seq`; the events behind it change it from there.
    if (reply?.snapshot) this.change({ pendingCount: reply.snapshot.pendingCount });
  }

  /**
   * @protected
   * @param {import("./types.js").Envelope} envelope
   */
  apply({ event, data }) {
    if (!event.startsWith("moderation:")) return;
    const { filter, pendingCount } = this.getSnapshot();
    if (event === "moderation:added") this.change({ pendingCount: pendingCount + 1 });
    else if (event === "moderation:decided") this.change({ pendingCount: Math.max(0, pendingCount - 1) });
    const wanted = data.status === filter.status && (filter.kind === null || filter.kind === data.kind);
    if (wanted) this.put(data);
    else this.remove(data.id);
  }
}
