import { PagedList } from "./paged-list.js";
import { persistently } from "./retrying.js";

/**
 * What this user has saved, newest first. No event tells who saved what, so the list is loaded when it is looked at, and
 * after each reconnect.
 *
 * @typedef {{id: string, entityType: string, entityId: string, createdAt: string}} Save
 *
 * @extends {PagedList<Save, {}>}
 */
export class Saved extends PagedList {
  /** @param {import("./hubbub.js").Surroundings} hubbub */
  constructor(hubbub) {
    const { connection, settings, background } = hubbub;
    const query = { action: "save:list", plural: "saves", payload: {}, limit: settings.savedPage };
    const follow = (/** @type {import("./channel.js").Consumer} */ consumer) => {
      const load = async () => {
        try {
          await persistently(async () => consumer.load?.(/** @type {any} */ ({})), connection, settings);
        } catch (error) {
          if (/** @type {any} */ (error).retryable) throw error;
          consumer.failed?.(error);
        }
      };
      const close = connection.on("live", () => background(load()));
      if (connection.live) background(load());
      return { hold: (/** @type {() => Promise<any>} */ work) => work(), close };
    };
    super(hubbub, follow, query, {});
  }

  /**
   * Let go of something; it leaves the list at once, and comes back when the server refuses.
   *
   * @param {Save} save
   */
  async unsave({ id, entityType, entityId }) {
    await this.covered(id, () => null, async () => {
      await this.call("save:set", { type: entityType, id: entityId, saved: false });
      this.remove(id);
    });
  }
}
