import { HubbubError } from "./errors.js";
import { newId } from "./ids.js";
import { PagedList } from "./paged-list.js";
import { upload } from "./upload.js";

/**
 * The pictures of an entity. `items` are those that everyone sees and, with `status` "pending", one's own
 * that wait for a moderator (for moderators: all that wait). Beside the list its snapshot has `count` (of those that everyone sees)
 * and `uploads`, those on their way.
 *
 * @typedef {import("./types.js").Image} Image
 *
 * @typedef {object} Uploading
 * @property {string} clientId
 * @property {Blob} file
 * @property {string} name
 * @property {string} caption
 * @property {number} progress               from 0 to 1
 * @property {"uploading" | "failed"} status
 * @property {any} error
 *
 * @extends {PagedList<Image, {count: number, uploads: Uploading[]}>}
 */
export class Gallery extends PagedList {
  #entity;
  #send;
  /** @type {Map<string, AbortController>} */
  #running = new Map();

  /**
   * @param {import("./hubbub.js").Surroundings} hubbub
   * @param {{type: string, id: string}} entity
   * @param {typeof upload} [send]
   */
  constructor(hubbub, entity, send = upload) {
    const channel = `${entity.type}:${entity.id}:images`;
    const query = { action: "image:list", plural: "images", payload: entity, limit: hubbub.settings.imagePage };
    const follow = (/** @type {import("./channel.js").Consumer} */ consumer) =>
      hubbub.channels.follow(channel, consumer, { snapshot: true });
    super(hubbub, follow, query, { count: 0, uploads: [] });
    this.#entity = entity;
    this.#send = send;
  }

  /**
   * Add a picture: it is in `uploads` at once, and in `items` when the server has it.
   *
   * @param {File} file
   * @param {{caption?: string}} [options]
   * @returns {Promise<Image | null>} null when it failed (which `uploads` shows) or was given up
   */
  upload(file, { caption = "" } = {}) {
    const clientId = newId();
    /** @type {Uploading} */
    const item = { clientId, file, name: file.name, caption, progress: 0, status: "uploading", error: null };
    this.change({ uploads: [...this.getSnapshot().uploads, item] });
    return this.#run(item);
  }

  /**
   * Try a failed upload again.
   *
   * @param {string} clientId
   */
  async retryUpload(clientId) {
    const item = this.getSnapshot().uploads.find((each) => each.clientId === clientId);
    if (item?.status !== "failed") return null;
    this.#mark(clientId, { status: "uploading", error: null, progress: 0 });
    return this.#run(item);
  }

  /**
   * Give an upload up.
   *
   * @param {string} clientId
   */
  cancel(clientId) {
    this.change({ uploads: this.getSnapshot().uploads.filter((each) => each.clientId !== clientId) });
    this.#running.get(clientId)?.abort();
  }

  /**
   * A file as this user may see it: an `<img>` sends no token, which pictures that wait ask for.
   *
   * @param {string} address an image's `url` or `thumbnailUrl`
   * @returns {Promise<Blob>}
   */
  async file(address) {
    const { session, url } = this.hubbub;
    const headers = session.token ? { Authorization: `Bearer ${session.token}` } : undefined;
    let response;
    try {
      response = await fetch(url + address, { headers });
    } catch (cause) {
      throw new HubbubError({ code: "unavailable", message: "The server cannot be reached." }, { cause });
    }
    if (!response.ok) throw new HubbubError((await response.json()).error);
    return response.blob();
  }

  /** @param {string} imageId */
  async delete(imageId) {
    await this.covered(imageId, () => null, async () => {
      await this.call("image:delete", { imageId });
      this.remove(imageId);
    });
  }

  /**
   * Let a picture stand for the entity; for moderators.
   *
   * @param {string} imageId
   */
  async feature(imageId) {
    this.#featured(await this.call("image:feature", { ...this.#entity, imageId }));
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
    if (reply?.snapshot) this.change({ count: reply.snapshot.count });
  }

  /**
   * @protected
   * @param {import("./types.js").Envelope} envelope
   */
  apply({ event, data }) {
    const { count } = this.getSnapshot();
    if (event === "image:added") {
      this.change({ count: count + 1 });
      this.put(data);
    } else if (event === "image:deleted") {
      this.change({ count: Math.max(0, count - 1) });
      this.remove(data.imageId);
    } else if (event === "image:featured") {
      this.#featured(data);
    }
  }

  /** @param {Image} image */
  #featured(image) {
    this.patchAll((each) => (each.id === image.id ? image : { ...each, isFeatured: false }));
  }

  /** @param {Uploading} item */
  async #run({ clientId, file, name, caption }) {
    const { session, url } = this.hubbub;
    const { type, id } = this.#entity;
    const form = new FormData();
    form.append("clientId", clientId);
    if (caption) form.append("caption", caption);
    form.append("file", file, name);
    const controller = new AbortController();
    this.#running.set(clientId, controller);
    try {
      const image = await this.#send(`${url}/api/${type}/${encodeURIComponent(id)}/images`, form, {
        token: session.token,
        onProgress: (progress) => this.#mark(clientId, { progress }),
        signal: controller.signal,
      });
      if (!this.known(image.id)) this.put(image);
      this.cancel(clientId);
      return image;
    } catch (error) {
      this.#mark(clientId, { status: "failed", error });
      return null;
    } finally {
      this.#running.delete(clientId);
    }
  }

  /**
   * @param {string} clientId
   * @param {Partial<Uploading>} changes
   */
  #mark(clientId, changes) {
    const uploads = this.getSnapshot().uploads.map((each) => (each.clientId === clientId ? { ...each, ...changes } : each));
    this.change({ uploads });
  }
}
