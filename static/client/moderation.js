import { PagedList } from "./paged-list.js";

/**
 * What waits for moderators, newest first. What this moderator decides leaves the list at once, and
 * comes back when the server refuses.
 *
 * @typedef {import("./types.js").ModerationItem} ModerationItem
 *
 * @extends {PagedList<ModerationItem, {}>}
 */
export class Moderation extends PagedList {
  /** @param {import("./hubbub.js").Surroundings} hubbub */
  constructor(hubbub) {
    const query = { action: "moderation:list", plural: "items", payload: {}, limit: hubbub.settings.moderationPage };
    super(hubbub, (consumer) => hubbub.channels.follow("admin", consumer), query, {});
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
   * @param {import("./types.js").Envelope} envelope
   */
  apply({ event, data }) {
    if (event === "moderation:decided") this.remove(data.id);
    else if (event === "moderation:added" || event === "moderation:updated") this.put(data);
  }
}
