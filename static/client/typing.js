/**
 * "Ada is typing…", "Ada and Bo are typing…", "3 people are typing…"; empty when nobody is.
 *
 * @param {{name: string}[]} users
 * @param {string} [doing] such as "writing a post"
 * @returns {string}
 */
export function formatTyping(users, doing = "typing") {
  if (users.length === 0) return "";
  if (users.length === 1) return `${users[0].name} is ${doing}…`;
  if (users.length === 2) return `${users[0].name} and ${users[1].name} are ${doing}…`;
  return `${users.length} people are ${doing}…`;
}

/**
 * Tells a channel that its user types: at the first key stroke and about every second while keys are
 * pressed. The server ends it two seconds after the last word of it.
 */
export class TypingReporter {
  #connection;
  #channel;
  #intervalMs;
  #toldAt = -Infinity;

  /**
   * @param {import("./connection.js").Connection} connection
   * @param {string} channel a room's, an entity's comments, or `community`
   * @param {import("./settings.js").Settings} settings
   */
  constructor(connection, channel, settings) {
    this.#connection = connection;
    this.#channel = channel;
    this.#intervalMs = settings.typingIntervalMs;
  }

  /** A key was pressed and there is text. */
  pressed() {
    const now = performance.now();
    if (now - this.#toldAt < this.#intervalMs) return;
    this.#toldAt = now;
    this.#connection.signal("typing:start", { channel: this.#channel });
  }

  /** The text was sent or emptied, or its field left. */
  stop() {
    if (this.#toldAt === -Infinity) return;
    this.#toldAt = -Infinity;
    this.#connection.signal("typing:stop", { channel: this.#channel });
  }
}
