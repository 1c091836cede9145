import { Observable } from "./observable.js";
import { OwnPresence } from "./own-presence.js";
import { persistently } from "./retrying.js";

/** Without a connection for so long that nothing is known of anyone any more. */
const BLIND = new Set(["offline", "refused", "closed"]);

/**
 * Who is there. `of(userId)` is a store for each person, heard of while somebody watches it; many
 * watchers of one person share one subscription, and many people one channel.
 */
export class Presence {
  #hubbub;
  /** @type {Map<string, Person>} */
  #people = new Map();
  /** @type {Set<string>} */
  #watched = new Set();
  /** @type {Map<string, {close: () => void}>} */
  #followed = new Map();
  /** @type {Set<string>} whom to ask for */
  #due = new Set();
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #settling;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #asking;

  /** @param {import("./hubbub.js").Surroundings} hubbub */
  constructor(hubbub) {
    this.#hubbub = hubbub;
    this.me = new OwnPresence(hubbub);
    hubbub.connection.subscribe(() => {
      if (BLIND.has(hubbub.connection.getSnapshot().status)) this.#people.forEach((person) => person.forget());
    });
  }

  /**
   * @param {string} userId
   * @returns {Person} a store; it is kept up to date while it has subscribers
   */
  of(userId) {
    const known = this.#people.get(userId);
    if (known) return known;
    const person = new Person((watched) => this.#watch(userId, watched));
    this.#people.set(userId, person);
    return person;
  }

  /**
   * One page of the people who are there.
   *
   * @param {{status?: "online" | "away", before?: string, limit?: number}} [options]
   * @returns {Promise<{presence: import("./types.js").Presence[], hasMore: boolean}>}
   */
  list({ status = "online", ...page } = {}) {
    return this.#hubbub.connection.call("presence:get", { status, ...page });
  }

  /**
   * @param {string} userId
   * @param {boolean} watched
   */
  #watch(userId, watched) {
    if (watched) this.#watched.add(userId);
    else this.#watched.delete(userId);
    // Who leaves one part of the page often comes back in another: nothing is told of it.
    if (this.#settling === undefined) {
      this.#settling = setTimeout(() => this.#settle(), this.#hubbub.settings.presenceDelayMs);
    }
  }

  /** Follow the channels that those who are watched need, and no others. */
  #settle() {
    this.#settling = undefined;
    const everyone = this.#watched.size > this.#hubbub.settings.presenceChannels;
    const channelOf = (/** @type {string} */ userId) => (everyone ? "presence" : `presence:${userId}`);
    // Of a channel that is followed only now its subscription asks.
    this.#ask([...this.#watched].filter((userId) => !this.of(userId).known && this.#followed.has(channelOf(userId))));
    const names = new Set([...this.#watched].map(channelOf));
    for (const name of names) if (!this.#followed.has(name)) this.#follow(name);
    for (const [name, subscription] of this.#followed) {
      if (names.has(name)) continue;
      subscription.close();
      this.#followed.delete(name);
    }
    // What is not heard of grows old; it is asked for again when it is wanted.
    for (const [userId, person] of this.#people) if (!this.#watched.has(userId)) person.forget();
  }

  /** @param {string} name */
  #follow(name) {
    const userId = name.startsWith("presence:") ? name.slice("presence:".length) : null;
    const subscription = this.#hubbub.channels.follow(name, {
      up: () => this.#ask(userId === null ? this.#watched : [userId]),
      signal: ({ event, data }) => {
        if (event !== "presence:changed") return;
        for (const presence of data.changes ?? [data]) this.#people.get(presence.userId)?.told(presence);
      },
    });
    this.#followed.set(name, subscription);
  }

  /** @param {Iterable<string>} userIds */
  #ask(userIds) {
    for (const userId of userIds) this.#due.add(userId);
    if (this.#due.size === 0 || this.#asking !== undefined) return;
    this.#asking = setTimeout(() => this.#hubbub.background(this.#fetch()), this.#hubbub.settings.presenceDelayMs);
  }

  async #fetch() {
    this.#asking = undefined;
    const { connection, settings } = this.#hubbub;
    const userIds = [...this.#due];
    this.#due.clear();
    for (let at = 0; at < userIds.length; at += settings.presencePage) {
      const people = userIds.slice(at, at + settings.presencePage).map((userId) => ({ userId, person: this.of(userId) }));
      const ids = people.map(({ userId }) => userId);
      const asked = people.map(({ userId, person }) => ({ userId, person, word: person.word }));
      const { presence } = await persistently(() => connection.call("presence:get", { ids }), connection, settings);
      const found = new Map(presence.map((/** @type {import("./types.js").Presence} */ each) => [each.userId, each]));
      // A signal that came meanwhile may be newer than the answer; were it older, another one would follow.
      for (const { userId, person, word } of asked) if (person.word === word) person.adopt(found.get(userId));
    }
  }
}

/**
 * One person's presence. `status` is null while it is not known.
 *
 * @typedef {{status: "online" | "away" | "offline" | null, lastSeenAt: string | null, currentPage: string | null,
 *   activity: string | null}} PersonView
 *
 * @extends {Observable<PersonView>}
 */
export class Person extends Observable {
  #watch;
  /** Counts what signals have told. */
  word = 0;

  /** @param {(watched: boolean) => void} watch is told whether anybody watches */
  constructor(watch) {
    super(UNKNOWN);
    this.#watch = watch;
  }

  get known() {
    return this.getSnapshot().status !== null;
  }

  /** @protected */
  wake() {
    this.#watch(true);
  }

  /** @protected */
  rest() {
    this.#watch(false);
  }

  /** @param {import("./types.js").Presence} presence as a signal tells it */
  told(presence) {
    this.word++;
    this.adopt(presence);
  }

  /** @param {import("./types.js").Presence | undefined} presence nothing for somebody whom the server never saw */
  adopt(presence) {
    const { status = "offline", lastSeenAt = null, currentPage = null, activity = null } = presence ?? {};
    this.change({ status, lastSeenAt, currentPage, activity });
  }

  forget() {
    this.change(UNKNOWN);
  }
}

/** @type {PersonView} */
const UNKNOWN = Object.freeze({ status: null, lastSeenAt: null, currentPage: null, activity: null });
