import { Observable } from "./observable.js";
import { shared } from "./retrying.js";
import { Room } from "./room.js";

/**
 * The user's rooms. Its snapshot is `{status, rooms}`: the summaries of the rooms that the user
 * belongs to, those with the newest messages first.
 *
 * @typedef {import("./types.js").RoomSummary} RoomSummary
 *
 * @extends {Observable<{status: "loading" | "ready", rooms: RoomSummary[]}>}
 */
export class Chat extends Observable {
  #hubbub;
  /** @type {Map<string, Room>} */
  #rooms = new Map();

  /** @param {import("./hubbub.js").Surroundings} hubbub */
  constructor(hubbub) {
    super({ status: "loading", rooms: [] });
    this.#hubbub = hubbub;
    hubbub.connection.on("live", () => this.#rooms.forEach((room) => room.resume()));
    hubbub.channels.follow(`user:${hubbub.me.id}`, {
      load: () => this.refresh(),
      event: (envelope) => this.#apply(envelope),
    });
  }

  /** Ask for the list of rooms; calls that come while one is being asked for share the next. */
  refresh = shared(async () => {
    const lines = await this.#pages("room:list", { scope: "mine" });
    const mine = new Set(lines.map((line) => line.id));
    for (const [id, room] of this.#rooms) if (room.joined && !mine.has(id)) room.left();
    for (const line of lines) this.#ensure(line).adopt(line);
    for (const { id } of lines.slice(0, this.#hubbub.settings.followedRooms)) this.#rooms.get(id)?.follow();
    this.change({ status: "ready" });
    this.#publish();
  });

  /**
   * A room in memory: one that the user belongs to, or that was found before.
   *
   * @param {string} roomId
   * @returns {Room | undefined}
   */
  room(roomId) {
    return this.#rooms.get(roomId);
  }

  /** @returns {Promise<Room[]>} the public rooms, joined or not */
  async publicRooms() {
    const rooms = await this.#pages("room:list", { scope: "public" });
    return rooms.map((room) => this.#ensure(room));
  }

  /**
   * @param {{name?: string, description?: string, visibility: "public" | "private" | "direct", memberIds?: string[]}} room
   * @returns {Promise<Room>}
   */
  async create(room) {
    const created = await this.#hubbub.connection.call("room:create", room);
    await this.refresh();
    return this.#ensure(created);
  }

  /**
   * The direct room with a person, made when there is none yet.
   *
   * @param {string} userId
   * @returns {Promise<Room>}
   */
  direct(userId) {
    return this.create({ visibility: "direct", memberIds: [userId] });
  }

  /**
   * Full-text search over the rooms that the user may read, newest first.
   *
   * @param {string} q
   * @param {{roomId?: string, before?: string, limit?: number}} [options] `before`: the id of the last message seen
   * @returns {Promise<{messages: import("./types.js").Message[], hasMore: boolean}>}
   */
  search(q, options = {}) {
    return this.#hubbub.connection.call("message:search", { q, ...options });
  }

  /** @returns {Promise<import("./types.js").User[]>} everyone else in the user's rooms, by name */
  async people() {
    const joined = [...this.#rooms.values()].filter((room) => room.joined);
    await Promise.all(joined.slice(0, this.#hubbub.settings.peopleRooms).map((room) => room.loadMembers()));
    /** @type {Map<string, import("./types.js").User>} */
    const people = new Map();
    for (const room of this.#rooms.values()) {
      for (const { user } of room.timeline.getSnapshot().messages) people.set(user.id, user);
      for (const { user } of room.members.getSnapshot().members) people.set(user.id, user);
    }
    people.delete(this.#hubbub.me.id);
    return [...people.values()].sort((one, other) => one.name.localeCompare(other.name));
  }

  /** @param {import("./types.js").Envelope} envelope of the user's own channel */
  #apply({ event, data }) {
    if (event === "room:added") {
      this.#hubbub.background(this.refresh());
    } else if (event === "room:removed") {
      this.#rooms.get(data.roomId)?.left();
    } else if (event === "room:unread") {
      const room = this.#rooms.get(data.roomId);
      room?.reading.adopt(data);
      room?.counted();
    }
  }

  /**
   * @param {any} line of a list of rooms
   * @returns {Room}
   */
  #ensure(line) {
    const known = this.#rooms.get(line.id);
    if (known) return known;
    const room = new Room(line, this.#hubbub, this.refresh);
    this.#rooms.set(line.id, room);
    room.subscribe(() => this.#publish());
    return room;
  }

  #publish() {
    const joined = [...this.#rooms.values()].filter((room) => room.joined);
    const summaries = joined.map((room) => room.getSnapshot().summary);
    summaries.sort((one, other) => activity(other).localeCompare(activity(one)));
    const { rooms } = this.getSnapshot();
    const same = rooms.length === summaries.length && rooms.every((summary, at) => summary === summaries[at]);
    if (!same) this.change({ rooms: summaries });
  }

  /**
   * @param {string} action
   * @param {object} payload
   * @returns {Promise<any[]>} all pages of a list of rooms
   */
  async #pages(action, payload) {
    const found = [];
    for (let before; ; before = found[found.length - 1].id) {
      const { rooms, hasMore } = await this.#hubbub.connection.call(action, { ...payload, before });
      found.push(...rooms);
      if (!hasMore) return found;
    }
  }
}

/** @param {RoomSummary} summary */
const activity = ({ room, lastMessage }) => lastMessage?.createdAt ?? room.createdAt;
