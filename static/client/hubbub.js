import { Channels } from "./channels.js";
import { Chat } from "./chat.js";
import { Collection } from "./collection.js";
import { Community } from "./community.js";
import { Conflicts } from "./conflicts.js";
import { Connection } from "./connection.js";
import { Documents } from "./documents.js";
import { Emitter } from "./emitter.js";
import { Entity } from "./entity.js";
import { Moderation } from "./moderation.js";
import { Notifications } from "./notifications.js";
import { Posts } from "./posts.js";
import { Preferences } from "./preferences.js";
import { Presence } from "./presence.js";
import { Push } from "./push.js";
import { Saved } from "./saved.js";
import { readWithRooms } from "./seen-notifications.js";
import { defaultSettings } from "./settings.js";
import { Stories } from "./stories.js";
import { browserStorage, memoryStorage } from "./storage.js";
import { Story } from "./story.js";
import { SyncQueue } from "./sync-queue.js";

/**
 * What the parts of the client share.
 *
 * @typedef {object} Surroundings
 * @property {Connection} connection
 * @property {Channels} channels
 * @property {import("./session.js").Session} session
 * @property {string} url                    origin of the server, "" for the page's own
 * @property {import("./types.js").User} me
 * @property {import("./settings.js").Settings} settings
 * @property {import("./storage.js").Storage} storage
 * @property {(error: any) => void} report gets the errors that no caller waits for
 * @property {(work: Promise<any>) => void} background lets `work` go on by itself; reports its failure unless it will be tried again
 */

/**
 * The Hubbub client of one user in one page or process.
 *
 *     const session = await guestSession("Ada");
 *     const hubbub = new Hubbub({ io, session });
 *     hubbub.open();
 *     hubbub.chat.subscribe(() => show(hubbub.chat.getSnapshot().rooms));
 */
export class Hubbub {
  #problems = new Emitter();
  #surroundings;
  /** @type {Map<string, Entity>} */
  #entities = new Map();
  /** @type {Map<string, Story>} */
  #stories = new Map();
  /** @type {Map<string, Posts>} */
  #posts = new Map();
  /** @type {Map<string, Collection>} */
  #collections = new Map();

  /**
   * @param {object} options
   * @param {Function} options.io `io` of the official socket.io-client, 4.6 or later
   * @param {import("./session.js").Session} options.session
   * @param {string} [options.url] origin of the server; the page's own by default
   * @param {Partial<import("./settings.js").Settings>} [options.settings]
   * @param {object} [options.socketOptions] passed on to `io`
   * @param {import("./storage.js").Storage} [options.storage] where what waits to be sent is kept; the browser's by default
   */
  constructor({ io, session, url = "", settings, socketOptions, storage = defaultStorage() }) {
    this.session = session;
    this.me = session.user;
    this.settings = { ...defaultSettings, ...settings };
    this.connection = new Connection({ io, url, session, settings: this.settings, socketOptions });
    this.connection.on("problem", this.#report);
    this.channels = new Channels(this.connection, this.settings, this.#report);
    /** @type {Surroundings} */
    const surroundings = {
      connection: this.connection,
      channels: this.channels,
      session,
      url,
      me: this.me,
      settings: this.settings,
      storage,
      report: this.#report,
      background: (work) => void work.catch((error) => error.retryable || this.#report(error)),
    };
    this.#surroundings = surroundings;
    this.chat = new Chat(surroundings);
    this.presence = new Presence(surroundings);
    this.notifications = new Notifications(surroundings);
    readWithRooms(this.chat, this.notifications, surroundings.background);
    this.preferences = new Preferences(this.connection);
    this.push = new Push(surroundings);
    this.community = new Community(surroundings);
    this.stories = new Stories(surroundings, this.community);
    this.saved = new Saved(surroundings);
    this.moderation = new Moderation(surroundings);
    this.sync = new SyncQueue(surroundings);
    this.conflicts = new Conflicts(surroundings);
    this.documents = new Documents(surroundings);
    this.notifications.onCreated(({ notification: { data } }) => {
      this.#entities.get(`${data?.entityType}:${data?.entityId}`)?.decided(data);
    });
  }

  /**
   * What people do about something: `comments`, `rating`, `likes`, `saves`, `gallery`, `viewers`.
   *
   * @param {string} type such as `trip`
   * @param {string} id
   * @returns {Entity}
   */
  entity(type, id) {
    return ensure(this.#entities, `${type}:${id}`, () => new Entity(this.#surroundings, type, id));
  }

  /**
   * Who looks at something; watching this store is looking at it.
   *
   * @param {string} type
   * @param {string} id
   */
  viewers(type, id) {
    return this.entity(type, id).viewers;
  }

  /**
   * One story.
   *
   * @param {string} storyId
   * @returns {Story}
   */
  story(storyId) {
    return ensure(this.#stories, storyId, () => new Story(this.#surroundings, this.community, storyId));
  }

  /**
   * What people say about a story.
   *
   * @param {string} storyId
   * @returns {Posts}
   */
  posts(storyId) {
    return ensure(this.#posts, storyId, () => new Posts(this.#surroundings, this.community, storyId));
  }

  /**
   * The shared records of a collection, all or those that match.
   *
   * @param {string} name
   * @param {{filter?: string}} [options] `filter` such as `done=eq.false&priority=gte.3`
   * @returns {Collection}
   */
  collection(name, { filter } = {}) {
    const make = () => new Collection({ ...this.#surroundings, sync: this.sync }, name, filter);
    return ensure(this.#collections, `${name}?${filter ?? ""}`, make);
  }

  /**
   * A text that several people write at a time.
   *
   * @param {string} documentId
   * @param {import("./document.js").Yjs} yjs what is exported by `yjs` and `y-protocols/awareness`
   * @returns {import("./document.js").Document}
   */
  document(documentId, yjs) {
    return this.documents.open(documentId, yjs);
  }

  /** Whether this user is a moderator, or more. */
  get moderates() {
    return this.session.role === "moderator" || this.session.role === "admin";
  }

  /** Connect, and stay connected until `close`. */
  open() {
    this.connection.open();
  }

  close() {
    this.connection.close();
    this.#surroundings.background(Promise.all([this.sync.close(), this.documents.close()]));
  }

  /**
   * Hear of errors that no caller waits for.
   *
   * @param {(error: any) => void} listener
   * @returns {() => void} ends the subscription
   */
  onProblem(listener) {
    return this.#problems.on("problem", listener);
  }

  #report = (/** @type {any} */ error) => this.#problems.emit("problem", error);
}

/** Outside of browsers nothing survives the process. */
const defaultStorage = () => (globalThis.indexedDB ? browserStorage("hubbub") : memoryStorage());

/**
 * @template T
 * @param {Map<string, T>} known
 * @param {string} key
 * @param {() => T} make
 * @returns {T}
 */
function ensure(known, key, make) {
  const found = known.get(key) ?? make();
  known.set(key, found);
  return found;
}
