import { Observable } from "./observable.js";

/**
 * The members of one room, as far as they are loaded.
 *
 * @typedef {import("./types.js").Member} Member
 *
 * @extends {Observable<{members: Member[], hasMore: boolean}>}
 */
export class Members extends Observable {
  #roomId;
  #connection;

  /**
   * @param {string} roomId
   * @param {import("./connection.js").Connection} connection
   */
  constructor(roomId, connection) {
    super({ members: [], hasMore: true });
    this.#roomId = roomId;
    this.#connection = connection;
  }

  /** Load the first page, while the room's events wait. */
  async load() {
    const { members, hasMore } = await this.#call("room:members", {});
    this.change({ members, hasMore });
  }

  /** What is in memory may be out of date: it is loaded anew when it is wanted. */
  forget() {
    this.change({ members: [], hasMore: true });
  }

  /** Load one more page. */
  async loadMore() {
    const { members } = this.getSnapshot();
    const page = await this.#call("room:members", { after: members[members.length - 1]?.userId });
    const known = new Set(page.members.map((/** @type {Member} */ member) => member.userId));
    const kept = this.getSnapshot().members.filter((member) => !known.has(member.userId));
    this.change({ members: [...kept, ...page.members], hasMore: page.hasMore });
  }

  /** @param {string} userId */
  async invite(userId) {
    this.put(await this.#call("room:invite", { userId }));
  }

  /** @param {string} userId */
  async expel(userId) {
    await this.#call("room:remove", { userId });
    this.remove(userId);
  }

  /**
   * @param {string} userId
   * @param {"owner" | "moderator" | "member"} role
   */
  async setRole(userId, role) {
    this.put(await this.#call("room:role", { userId, role }));
  }

  /** @param {Member} member joined, or changed */
  put(member) {
    const others = this.getSnapshot().members.filter(({ userId }) => userId !== member.userId);
    this.change({ members: [...others, member] });
  }

  /**
   * @param {string} userId
   * @param {Partial<Member>} changes
   */
  patch(userId, changes) {
    const members = this.getSnapshot().members.map((each) => (each.userId === userId ? { ...each, ...changes } : each));
    this.change({ members });
  }

  /** @param {string} userId */
  remove(userId) {
    this.change({ members: this.getSnapshot().members.filter((member) => member.userId !== userId) });
  }

  /**
   * @param {string} action
   * @param {object} payload
   */
  #call(action, payload) {
    return this.#connection.call(action, { roomId: this.#roomId, ...payload });
  }
}
