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
    await this.hold(() => Promise.all(ids.map((id) => this.#fetch(id))));
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
    this.put(stored);
    return stored;
  }

  /**
   * @param {string} storyId
   * @param {{title?: string, genre?: string | null, body?: string}} changes
   */
  async update(storyId, changes) {
    await this.covered(storyId, (shown) => ({ ...shown, ...changes }), async () => {
      this.put(await this.hubbub.connection.call("story:update", { storyId, ...changes }));
    });
  }

  /**
   * @param {string} storyId
   * @param {Story["visibility"]} visibility
   */
  async setVisibility(storyId, visibility) {
    await this.covered(storyId, (shown) => ({ ...shown, visibility }), async () => {
      this.put(await this.hubbub.connection.call("story:visibility", { storyId, visibility }));
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
      if (authorId === this.hubbub.me.id || this.known(storyId)) this.hubbub.background(this.#refetch(storyId));
      else this.change({ waiting: [{ storyId, title, authorId, genre }, ...others] });
    } else if (event === "story:updated") {
      if (this.known(data.storyId)) this.hubbub.background(this.#refetch(data.storyId));
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

  /** @param {string} storyId */
  #refetch(storyId) {
    return this.hold(() => this.#fetch(storyId));
  }

  /** @param {string} storyId */
  async #fetch(storyId) {
    try {
      this.put(await this.call("story:get", { storyId }));
    } catch (error) {
      if (/** @type {any} */ (error).code !== "not_found") throw error;
      this.remove(storyId);
    }
  }
}
