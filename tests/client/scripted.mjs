/** Scripted counterparts of what the parts of the client are given: they record, and answer as told. */
import { Channels } from "../../static/client/channels.js";
import { Emitter } from "../../static/client/emitter.js";
import { HubbubError } from "../../static/client/errors.js";
import { Observable } from "../../static/client/observable.js";
import { defaultSettings } from "../../static/client/settings.js";
import { memoryStorage } from "../../static/client/storage.js";

/** Settings whose pauses are short, so that a test waits for what happens and not for time. */
export const settings = {
  ...defaultSettings,
  retryDelayMs: 1,
  retryDelayMaxMs: 2,
  readDelayMs: 1,
  presenceDelayMs: 0,
  savedMs: 20,
};

/** A connection whose calls wait in `calls` until the test answers them. */
export class ScriptedConnection extends Observable {
  live = true;
  calls = [];
  signals = [];
  #waiting = [];
  #events = new Emitter();

  constructor() {
    super({ status: "live", error: null });
  }

  on(name, listener) {
    return this.#events.on(name, listener);
  }

  /** An event or a signal of a channel arrives. */
  deliver(envelope) {
    this.#events.emit("envelope", { at: "", ...envelope });
  }

  /** The connection is lost: what waits for an answer gets none. */
  lose(status = "reconnecting") {
    this.live = false;
    for (const { reject } of this.calls.splice(0)) reject(new HubbubError({ code: "unavailable", message: "Lost." }));
    this.change({ status });
    this.#events.emit("down");
  }

  /** The connection is back: a new one, or the old one taken up again. */
  regain(recovered = false) {
    this.live = true;
    this.change({ status: "live" });
    this.#events.emit("live", { recovered });
  }

  call(action, payload) {
    return new Promise((resolve, reject) => {
      this.calls.push({ action, payload, resolve, reject });
      this.#waiting.shift()?.();
    });
  }

  signal(action, payload) {
    this.signals.push([action, payload]);
  }

  /** The next call of this action; the others stay where they are. */
  async nextOf(action) {
    for (;;) {
      const at = this.calls.findIndex((call) => call.action === action);
      if (at >= 0) return this.calls.splice(at, 1)[0];
      await new Promise((resolve) => this.#waiting.push(resolve));
    }
  }

  /** The next call that the test has not looked at yet. */
  async next() {
    while (this.calls.length === 0) await new Promise((resolve) => this.#waiting.push(resolve));
    return this.calls.shift();
  }
}

/** What the parts of a client share, around a scripted connection; `reported` lists the errors that nobody waited for. */
export function surroundings(more = {}) {
  const connection = new ScriptedConnection();
  const reported = [];
  const report = (error) => reported.push(error);
  const own = { ...settings, ...more };
  return {
    connection,
    channels: new Channels(connection, own, report),
    session: { user: null, role: "user", token: "ada's token" },
    url: "",
    me: { id: "ada", name: "Ada", firstName: null, lastName: null, profileImage: null },
    settings: own,
    storage: memoryStorage(),
    report,
    reported,
    background: (work) => void work.catch((error) => error.retryable || report(error)),
  };
}

/** Resolves when the condition holds; the store says when it is worth looking. */
export function until(store, condition) {
  return new Promise((resolve) => {
    const look = () => {
      if (!condition(store.getSnapshot())) return;
      end();
      resolve(store.getSnapshot());
    };
    const end = store.subscribe(look);
    look();
  });
}

/** Let everything that is ready to run do so. */
export const settled = () => new Promise((resolve) => setImmediate(resolve));

export const message = (seq, more = {}) => ({
  id: `m${String(seq).padStart(5, "0")}`,
  seq,
  roomId: "r1",
  userId: "bo",
  message: `text ${seq}`,
  clientId: null,
  replyToId: null,
  mentions: [],
  attachments: [],
  reactions: [],
  createdAt: "2026-11-21T01:02:03.456Z",
  editedAt: null,
  deletedAt: null,
  user: { id: "bo", name: "Bo", firstName: null, lastName: null, profileImage: null },
  ...more,
});
