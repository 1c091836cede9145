import { Comments } from "./comments.js";
import { Gallery } from "./gallery.js";
import { Mark } from "./mark.js";
import { LIKES, RATING, SAVES } from "./marks.js";
import { Viewers } from "./viewers.js";

/** Something that people talk about, rate, like, save, illustrate and look at. Each part is a store, heard of while it is watched. */
export class Entity {
  /**
   * @param {import("./hubbub.js").Surroundings} hubbub
   * @param {string} type such as `trip`
   * @param {string} id
   */
  constructor(hubbub, type, id) {
    const entity = { type, id };
    this.comments = new Comments(hubbub, entity);
    /** @type {Mark<import("./marks.js").Rated>} */
    this.rating = new Mark(hubbub, entity, RATING);
    /** @type {Mark<import("./marks.js").Toggled>} */
    this.likes = new Mark(hubbub, entity, LIKES);
    /** @type {Mark<import("./marks.js").Toggled>} */
    this.saves = new Mark(hubbub, entity, SAVES);
    this.gallery = new Gallery(hubbub, entity);
    this.viewers = new Viewers(hubbub.channels, `${type}:${id}:viewers`);
  }

  /**
   * Moderators have decided on something of this user's here.
   *
   * @param {{kind: string, subjectId: string, status: string}} decision
   */
  decided(decision) {
    if (decision.kind === "comment") this.comments.decided(decision);
    else if (decision.kind === "image") this.gallery.decided(decision);
  }
}
