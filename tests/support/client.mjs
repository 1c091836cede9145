/**
 * Drives the official socket.io-client for the tests: JSON lines in, JSON lines out, many sockets in one process.
 *
 * In:  {reply, do, socket, …}   one of the commands below; `reply` is repeated in its answer
 * Out: {reply, value} or {reply, error}, and {socket, event, args} for whatever a socket hears. Its own "connect"
 *      (id, recovered), "disconnect" (reason) and "connect_error" (message, data, active) are told as events as well.
 * Binary values travel as {"$binary": base64} in both directions.
 */
import { createRequire } from "node:module";
import { createInterface } from "node:readline";

const requireInStatic = createRequire(new URL("../../static/package.json", import.meta.url));
const { io } = requireInStatic(process.argv[2] ?? "socket.io-client");

const sockets = new Map();
const answers = new Map();

function tell(message) {
  process.stdout.write(`${JSON.stringify(encode(message))}\n`);
}

function encode(value) {
  if (ArrayBuffer.isView(value)) {
    return { $binary: Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString("base64") };
  }
  if (value instanceof ArrayBuffer) return { $binary: Buffer.from(value).toString("base64") };
  if (Array.isArray(value)) return value.map(encode);
  if (value && typeof value === "object") {
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, encode(item)]));
  }
  return value;
}

function decode(value) {
  if (Array.isArray(value)) return value.map(decode);
  if (value && typeof value === "object") {
    if (typeof value.$binary === "string") return Buffer.from(value.$binary, "base64");
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, decode(item)]));
  }
  return value;
}

const commands = {
  connect({ socket: key, url, options }) {
    const socket = io(url, { forceNew: true, reconnectionDelay: 20, reconnectionDelayMax: 200, ...options });
    const hear = (event, args) => tell({ socket: key, event, args });
    sockets.set(key, socket);
    socket.on("connect", () => hear("connect", [socket.id, socket.recovered ?? false]));
    socket.on("disconnect", (reason) => hear("disconnect", [reason]));
    socket.on("connect_error", (error) => hear("connect_error", [error.message, error.data ?? null, socket.active]));
    socket.onAny((event, ...args) => {
      const acknowledge = typeof args.at(-1) === "function" ? args.pop() : null;
      hear(event, args);
      const answer = answers.get(`${key} ${event}`);
      if (acknowledge && answer) acknowledge(...answer);
    });
  },

  /** Answers with all arguments of the acknowledgement, or fails as the client's own time-out does. */
  emit({ socket: key, event, args, timeout }) {
    const socket = sockets.get(key);
    return new Promise((resolve, reject) => {
      socket.timeout(timeout).emit(event, ...args, (error, ...reply) => (error ? reject(error) : resolve(reply)));
    });
  },

  send({ socket: key, event, args }) {
    sockets.get(key).emit(event, ...args);
  },

  answer({ socket: key, event, args }) {
    answers.set(`${key} ${event}`, args);
  },

  auth({ socket: key, auth }) {
    sockets.get(key).auth = auth;
  },

  open({ socket: key }) {
    sockets.get(key).connect();
  },

  disconnect({ socket: key }) {
    sockets.get(key).disconnect();
  },

  /** Loses the transport without a word of the protocol. The client notices and comes back by itself. */
  drop({ socket: key, halfOpen }) {
    const { transport } = sockets.get(key).io.engine;
    if (transport.ws && !halfOpen) transport.ws.terminate();
    else transport.onClose();
  },

  transport({ socket: key }) {
    return sockets.get(key).io.engine.transport.name;
  },
};

createInterface({ input: process.stdin })
  .on("line", async (line) => {
    const command = decode(JSON.parse(line));
    try {
      tell({ reply: command.reply, value: (await commands[command.do](command)) ?? null });
    } catch (error) {
      tell({ reply: command.reply, error: error.message });
    }
  })
  .on("close", () => process.exit());
