import { Followed } from "./followed.js";

/**
 * What each person can set once on an entity: a like, a save, a rating. What this user sets shows at
 * once and is taken back when the server refuses; the numbers are the absolute ones of the newest event
 * or answer.
 *
 * @template {{mine: any}} Stored
 * @typedef {object} Kind
 * @property {string} topic                  of the channel `{type}:{id}:{topic}`
 * @property {Stored} nothing
 * @property {string} get                    the action that asks how things stand
 * @property {string} set                    the action that sets one's own
 * @property {string} event
 * @property {(mine: any) => object} payload of `set`
 * @property {(reply: any) => Stored} stored what an answer tells
 * @property {(data: any, stored: Stored, me: string) => Stored} told  what an event tells
 * @property {(stored: Stored, mine: any) => Stored} expected  what the answer to `set` will be, if nobody else acts
 */

/**
 * Its snapshot is `{status, error, mine, …}` with the numbers of its kind.
 *
 * @template {{mine: any}} Stored
 * @extends {Followed<{status: "loading" | "ready" | "failed", error: Error | null} & Stored>}
 */
export class Mark extends Followed {
  #hubbub;
  #kind;
  #entity;
  /** @type {Stored} as the server has it */
  #stored;
  /** @type {{mine: any} | null} what this user has asked for and the server has not answered */
  #wanted = null;
  /** @type {Promise<void> | null} */
  #sending = null;
  /** Counts events. */
  #word = 0;
  /** An event told the numbers since this user's wish went out: they may or may not hold it, and count as they are. */
  #overtaken = false;

  /**
   * @param {import("./hubbub.js").Surroundings} hubbub
   * @param {{type: string, id: string}} entity
   * @param {Kind<Stored>} kind
   */
  constructor(hubbub, entity, kind) {
    const channel = `${entity.type}:${entity.id}:${kind.topic}`;
    super({ status: "loading", error: null, ...kind.nothing }, (consumer) => hubbub.channels.follow(channel, consumer));
    this.#hubbub = hubbub;
    this.#entity = entity;
    this.#kind = kind;
    this.#stored = kind.nothing;
  }

  /**
   * Set one's own: true or false, or a number of stars. While the server is asked, the last wish counts.
   *
   * @param {any} mine
   * @returns {Promise<void>} when the server has it; throws its refusal
   */
  set(mine) {
    this.#wanted = { mine };
    this.#overtaken = false;
    this.#publish();
    this.#sending ??= this.#send().finally(() => (this.#sending = null));
    return this.#sending;
  }

  /** Set it, or take it back. */
  toggle() {
    return this.set(!this.getSnapshot().mine);
  }

  async #send() {
    try {
      while (this.#wanted) {
        const wanted = this.#wanted;
        const word = this.#word;
        const reply = await this.#call(this.#kind.set, this.#kind.payload(wanted.mine));
        const stored = this.#kind.stored(reply);
        // An event that came meanwhile may be newer than the answer; were it older, another one would follow.
        this.#stored = word === this.#word ? stored : { ...this.#stored, mine: stored.mine };
        if (this.#wanted === wanted) this.#wanted = null;
      }
    } finally {
      this.#wanted = null;
      this.#publish();
    }
  }

  /** @protected */
  async load() {
    this.#stored = this.#kind.stored(await this.#call(this.#kind.get, {}));
    this.change(/** @type {any} */ ({ status: "ready", error: null }));
    this.#publish();
  }

  /**
   * @protected
   * @param {import("./types.js").Envelope} envelope
   */
  apply({ event, data }) {
    if (event !== this.#kind.event) return;
    this.#word++;
    this.#overtaken = true;
    this.#stored = this.#kind.told(data, this.#stored, this.#hubbub.me.id);
    this.#publish();
  }

  #publish() {
    let shown = this.#stored;
    if (this.#wanted) {
      const { mine } = this.#wanted;
      shown = this.#overtaken ? { ...shown, mine } : this.#kind.expected(shown, mine);
    }
    this.change(/** @type {any} */ (shown));
  }

  /**
   * @param {string} action
   * @param {object} payload
   */
  #call(action, payload) {
    return this.#hubbub.connection.call(action, { ...this.#entity, ...payload });
  }
}
