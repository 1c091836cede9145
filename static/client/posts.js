import { newId } from "./ids.js";
import { PagedList } from "./paged-list.js";
import { read } from "./reading.js";
import { shared } from "./retrying.js";

/**
 * What people say about one story, newest first, as `community` tells of it.
 *
 * @typedef {import("./types.js").Post} Post
 *
 * @extends {PagedList<Post, {}>}
 */
export class Posts extends PagedList {
  #storyId;

  /**
   * @param {import("./hubbub.js").Surroundings} hubbub
   * @param {import("./community.js").Community} community
   * @param {string} storyId
   */
  constructor(hubbub, community, storyId) {
    const query = { action: "post:list", plural: "posts", payload: { storyId }, limit: hubbub.settings.postPage };
    super(hubbub, (consumer) => community.follow(consumer), query, {});
    this.#storyId = storyId;
  }

  /**
   * @param {{title: string, body?: string, type?: Post["type"]}} post
   * @returns {Promise<Post>}
   */
  async create(post) {
    const draft = { storyId: this.#storyId, ...post, clientId: newId() };
    const stored = await this.hubbub.connection.call("post:create", draft);
    this.put(stored);
    return stored;
  }

  /**
   * @param {string} postId
   * @param {{title?: string, body?: string, type?: Post["type"]}} changes
   */
  async update(postId, changes) {
    await this.covered(postId, (shown) => ({ ...shown, ...changes }), async () => {
      this.put(await this.hubbub.connection.call("post:update", { postId, ...changes }));
    });
  }

  /** @param {string} postId */
  async delete(postId) {
    await this.covered(postId, () => null, async () => {
      await this.hubbub.connection.call("post:delete", { postId });
      this.remove(postId);
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
  }

  /**
   * @protected
   * @param {import("./types.js").Envelope} envelope
   */
  apply({ event, data }) {
    if (data.storyId !== this.#storyId) return;
    if (event === "post:created" && !this.known(data.postId)) void this.catchUp(this.hubbub, this.#newest);
    else if (event === "post:updated" && this.known(data.postId)) {
      void this.catchUp(this.hubbub, () => this.#one(data.postId));
    } else if (event === "post:deleted") this.remove(data.postId);
  }

  /**
   * @protected
   * @param {string} action
   * @param {object} payload
   */
  call(action, payload) {
    return read(this.hubbub, action, payload);
  }

  /** Ask for the newest posts; what an event tells has no text. */
  #newest = shared(async () => {
    const page = await this.page({});
    const meets = !page.hasMore || page.items.some(({ id }) => this.known(id));
    if (!meets) return this.adopt(page);
    for (const post of page.items) this.put(post);
  });

  /** @param {string} postId of one in memory */
  async #one(postId) {
    const { items } = await this.page({ before: this.newerThan(postId)?.id, limit: 1 });
    for (const post of items) this.put(post);
  }
}
