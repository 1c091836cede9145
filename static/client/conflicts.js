import { PagedList } from "./paged-list.js";

/**
 * Writes that met others and wait for somebody to decide, newest first: this user's, and for moderators everyone's.
 *
 * @typedef {import("./types.js").Conflict} Conflict
 *
 * @extends {PagedList<Conflict, {}>}
 */
export class Conflicts extends PagedList {
  /** @param {import("./hubbub.js").Surroundings} hubbub */
  constructor(hubbub) {
    const query = { action: "conflict:list", plural: "conflicts", payload: {}, limit: hubbub.settings.conflictPage };
    super(hubbub, (consumer) => hubbub.channels.follow(`user:${hubbub.me.id}`, consumer), query, {});
  }

  /**
   * Decide; the conflict leaves the list at once, and comes back when the server refuses.
   *
   * @param {string} conflictId
   * @param {"local" | "remote" | "custom"} resolution
   * @param {Record<string, any>} [data] of `custom`
   * @returns {Promise<any>} the reply
   */
  async resolve(conflictId, resolution, data) {
    return this.covered(conflictId, () => null, async () => {
      const reply = await this.call("conflict:resolve", { conflictId, resolution, ...(data && { data }) });
      this.remove(conflictId);
      return reply;
    });
  }

  /**
   * @protected
   * @param {import("./types.js").Envelope} envelope
   */
  apply({ event, data }) {
    if (event === "conflict:resolved") this.remove(data.conflictId);
    // What it is about stands in the list alone.
    else if (event === "conflict:created") this.hubbub.background(this.hold(() => this.load(undefined)));
  }
}
