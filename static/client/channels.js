import { Channel } from "./channel.js";

/** The channels that this client follows over one connection. */
export class Channels {
  #connection;
  #settings;
  #report;
  /** @type {Map<string, Channel>} */
  #channels = new Map();

  /**
   * @param {import("./connection.js").Connection} connection
   * @param {import("./settings.js").Settings} settings
   * @param {(error: any) => void} report gets the errors that no caller waits for
   */
  constructor(connection, settings, report) {
    this.#connection = connection;
    this.#settings = settings;
    this.#report = report;
    connection.on("envelope", (envelope) => this.#channels.get(envelope.channel)?.receive(envelope));
    connection.on("live", () => this.#channels.forEach((channel) => void channel.sync()));
    connection.on("down", () => this.#channels.forEach((channel) => channel.down()));
  }

  /**
   * Follow a channel until the returned subscription is closed. Several consumers share one channel, which has one
   * filter at a time; the other options are those of the first.
   *
   * @param {string} name such as `room:…` or `trip:42:comments`
   * @param {import("./channel.js").Consumer} consumer
   * @param {{filter?: string, snapshot?: boolean, token?: string}} [options] of `channel:subscribe`
   */
  follow(name, consumer, options = {}) {
    const channel = this.#channel(name, options);
    channel.add(consumer);
    void channel.sync({ reload: true });
    return {
      /** @type {Channel["hold"]} */
      hold: (work) => channel.hold(work),
      close: () => this.#leave(channel, consumer),
    };
  }

  /**
   * @param {string} name
   * @param {{filter?: string, snapshot?: boolean, token?: string}} options
   */
  #channel(name, options) {
    const known = this.#channels.get(name);
    if (known) {
      if (known.filter !== options.filter) throw new Error(`${name} is followed with another filter; close that one first.`);
      return known;
    }
    const surroundings = { connection: this.#connection, settings: this.#settings, report: this.#report, options };
    const channel = new Channel(name, surroundings);
    this.#channels.set(name, channel);
    return channel;
  }

  /**
   * @param {Channel} channel
   * @param {import("./channel.js").Consumer} consumer
   */
  #leave(channel, consumer) {
    channel.remove(consumer);
    if (channel.hasConsumers || this.#channels.get(channel.name) !== channel) return;
    this.#channels.delete(channel.name);
    channel.down();
    if (!this.#connection.live) return;
    this.#connection.call("channel:unsubscribe", { channel: channel.name }).catch((error) => {
      if (!error.retryable) this.#report(error);
    });
  }
}
