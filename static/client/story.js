import { Followed } from "./followed.js";
import { read } from "./reading.js";

/**
 * One story, as `community` tells of it. Status `gone`: there is no such story, or this user may read it no more.
 *
 * @typedef {import("./types.js").Story} StoryRow
 * @typedef {{status: "loading" | "ready" | "gone" | "failed", error: Error | null, story: StoryRow | null}} StoryView
 *
 * @extends {Followed<StoryView>}
 */
export class Story extends Followed {
  #hubbub;
  #storyId;

  /**
   * @param {import("./hubbub.js").Surroundings} hubbub
   * @param {import("./community.js").Community} community
   * @param {string} storyId
   */
  constructor(hubbub, community, storyId) {
    super({ status: "loading", error: null, story: null }, (consumer) => community.follow(consumer));
    this.#hubbub = hubbub;
    this.#storyId = storyId;
  }

  /** Try again after a failure. */
  retry() {
    this.change({ status: "loading", error: null });
    return this.hold(() => this.load());
  }

  /** @protected */
  async load() {
    try {
      const story = await read(this.#hubbub, "story:get", { storyId: this.#storyId });
      this.change({ status: "ready", error: null, story });
    } catch (failure) {
      const error = /** @type {import("./errors.js").HubbubError} */ (failure);
      if (error.code === "not_found") this.#gone();
      else if (error.retryable) throw error;
      else this.failed(error);
    }
  }

  /**
   * @protected
   * @param {import("./types.js").Envelope} envelope
   */
  apply({ event, data }) {
    if (data.storyId !== this.#storyId) return;
    if (event === "story:deleted") this.#gone();
    else if (event.startsWith("story:")) void this.catchUp(this.#hubbub, () => this.load());
  }

  #gone() {
    this.change({ status: "gone", error: null, story: null });
  }
}
