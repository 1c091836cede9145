/** Scripted counterparts of what the parts of the client are given: they record, and answer as told. */
import { defaultSettings } from "../../static/client/settings.js";

/** Settings whose pauses are short, so that a test waits for what happens and not for time. */
export const settings = { ...defaultSettings, retryDelayMs: 1, retryDelayMaxMs: 2, readDelayMs: 1 };

/** A connection whose calls wait in `calls` until the test answers them. */
export class ScriptedConnection {
  live = true;
  calls = [];
  signals = [];
  #waiting = [];

  call(action, payload) {
    return new Promise((resolve, reject) => {
      this.calls.push({ action, payload, resolve, reject });
      this.#waiting.shift()?.();
    });
  }

  signal(action, payload) {
    this.signals.push([action, payload]);
  }

  /** The next call that the test has not looked at yet. */
  async next() {
    while (this.calls.length === 0) await new Promise((resolve) => this.#waiting.push(resolve));
    return this.calls.shift();
  }
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
