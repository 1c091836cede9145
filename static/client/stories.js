import { newId } from "./ids.js";
import { PagedList } from "./paged-list.js";
import { read } from "./reading.js";
import { shared } from "./retrying.js";

/**
 * The stories that this user may find, newest first, as `community` tells of them. What others publish
 * while the list is looked at does not push it down: it waits in `waiting` until `showWaiting`, and is
 * listed in `fresh` from then on.
 *
 * @typedef {import("./types.js").Story} Story
 * @typedef {{storyId: string, title: string | null, authorId: string, genre: string | null}} Waiting
 *
 * @extends {PagedList<Story, {waiting: Waiting[], fresh: string[]}>}
 */
export class Stories extends PagedList {
  /**
   * @param {import("./hubbub.js").Surroundings} hubbub
   * @param {import("./community.js").Community} community
   */
  constructor(hubbub, community) {
    const query = { action: "story:list", plural: "stories", payload: {}, limit: hubbub.settings.storyPage };
    super(hubbub, (consumer) => community.follow(consumer), query, { waiting: [], fresh: [] });
  }

  /** Take in what waits. */
  showWaiting = shared(async () => {
    const ids = this.getSnapshot().waiting.map(({ storyId }) => storyId);
    await this.hold(async () => {
      const found = await Promise.all(ids.map((id) => this.#fetch(id)));
      for (const story of found.reverse()) if (story) this.put(story, { newest: true });
    });
    const { waiting, fresh } = this.getSnapshot();
    this.change({
      waiting: waiting.filter(({ storyId }) => !ids.includes(storyId)),
      fresh: [...fresh, ...ids.filter((id) => this.known(id))],
    });
  });

  /** What was new was seen. */
  seen() {
    this.change({ fresh: [] });
  }

  /**
   * @param {{title: string, genre?: string, body?: string, visibility?: Story["visibility"]}} story
   * @returns {Promise<Story>}
   */
  async create(story) {
    const stored = await this.hubbub.connection.call("story:create", { ...story, clientId: newId() });
    this.put(stored, { newest: true });
    return stored;
  }

  /**
   * @param {string} storyId
   * @param {{title?: string, genre?: string | null, body?: string}} changes
   */
  async update(storyId, changes) {
    await this.covered(storyId, (shown) => ({ ...shown, ...changes }), async () => {
      this.#changed(await this.hubbub.connection.call("story:update", { storyId, ...changes }));
    });
  }

  /**
   * @param {string} storyId
   * @param {Story["visibility"]} visibility
   */
  async setVisibility(storyId, visibility) {
    await this.covered(storyId, (shown) => ({ ...shown, visibility }), async () => {
      this.#changed(await this.hubbub.connection.call("story:visibility", { storyId, visibility }));
    });
  }

  /** @param {string} storyId */
  async delete(storyId) {
    await this.covered(storyId, () => null, async () => {
      await this.hubbub.connection.call("story:delete", { storyId });
      this.remove(storyId);
    });
  }

  /**
   * @protected
   * @param {any} reply
   */
  async load(reply) {
    try {
      await super.load(reply);
    } catch (error) {
      if (/** @type {any} */ (error).retryable) throw error;
      this.failed(error);
    }
    this.change({ waiting: [] });
  }

  /** @protected */
  rest() {
    super.rest();
    this.change({ waiting: [], fresh: [] });
  }

  /**
   * @protected
   * @param {import("./types.js").Envelope} envelope
   */
  apply({ event, data }) {
    const { waiting } = this.getSnapshot();
    if (event === "story:published") {
      const { storyId, title, authorId, genre } = data;
      const others = waiting.filter((each) => each.storyId !== storyId);
      // Stories stand in the order in which they appeared, whenever they were begun.
      if (authorId === this.hubbub.me.id || this.known(storyId)) this.#refetch(storyId, { newest: true });
      else this.change({ waiting: [{ storyId, title, authorId, genre }, ...others] });
    } else if (event === "story:updated") {
      if (this.known(data.storyId)) this.#refetch(data.storyId);
    } else if (event === "story:deleted") {
      this.change({ waiting: waiting.filter(({ storyId }) => storyId !== data.storyId) });
      this.remove(data.storyId);
    }
  }

  /**
   * @protected
   * @param {string} action
   * @param {object} payload
   */
  call(action, payload) {
    return read(this.hubbub, action, payload);
  }

  /** @param {Story} story */
  #changed(story) {
    if (this.known(story.id)) this.put(story);
  }

  /**
   * @param {string} storyId
   * @param {{newest?: boolean}} [options]
   */
  #refetch(storyId, options) {
    void this.catchUp(this.hubbub, async () => {
      const story = await this.#fetch(storyId);
      if (story) this.put(story, options);
      else this.remove(storyId);
    });
  }

  /**
   * @param {string} storyId
   * @returns {Promise<Story | null>} null: it is gone, or not for this user
   */
  async #fetch(storyId) {
    try {
      return await this.call("story:get", { storyId });
    } catch (error) {
      if (/** @type {any} */ (error).code === "not_found") return null;
      throw error;
    }
  }
}
