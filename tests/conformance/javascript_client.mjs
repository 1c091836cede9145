// Talks to a conformance server with one release of the official client: node javascript_client.mjs RELEASE URL TRANSPORTS
// Fails with the first assertion that does not hold; prints what was exercised.
import assert from "node:assert/strict";
import { createRequire } from "node:module";

const [release, url, transports] = process.argv.slice(2);
const { io } = createRequire(import.meta.url)(`sio-${release}`);

const options = { transports: transports.split(","), forceNew: true, reconnectionDelay: 20, reconnectionDelayMax: 100 };
const done = [];

function next(socket, event) {
  return new Promise((resolve) => socket.once(event, (...args) => resolve(args)));
}

function ask(socket, ...args) {
  return new Promise((resolve) => socket.emit("message-with-ack", ...args, (...reply) => resolve(reply)));
}

async function step(name, run) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${name}: nothing more happened`)), 20_000);
  });
  await Promise.race([run(), late]);
  clearTimeout(timer);
  done.push(name);
}

function plain(value) {
  if (Buffer.isBuffer(value) || value instanceof ArrayBuffer) return Buffer.from(value).toString("base64");
  if (Array.isArray(value)) return value.map(plain);
  if (value && typeof value === "object") {
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, plain(item)]));
  }
  return value;
}

const socket = io(url, { ...options, auth: { token: "abc" } });

await step("connect", async () => {
  const [[auth]] = await Promise.all([next(socket, "auth"), next(socket, "connect")]);
  assert.deepEqual(auth, { token: "abc" });
});

if (transports === "polling,websocket") {
  await step("upgrade", async () => {
    if (socket.io.engine.transport.name === "polling") await next(socket.io.engine, "upgrade");
    assert.equal(socket.io.engine.transport.name, "websocket");
  });
} else {
  assert.equal(socket.io.engine.transport.name, transports);
}

await step("200 echoes at once, in order", async () => {
  const heard = [];
  const all = new Promise((resolve) => {
    socket.on("message-back", (number) => heard.push(number) === 200 && resolve());
  });
  for (let number = 0; number < 200; number += 1) socket.emit("message", number);
  await all;
  socket.off("message-back");
  assert.deepEqual(
    heard,
    Array.from({ length: 200 }, (_, number) => number),
  );
});

await step("acknowledgements with arguments", async () => {
  assert.deepEqual(await ask(socket, 1, "2", { 3: [true, null] }), [1, "2", { 3: [true, null] }]);
  assert.deepEqual(await ask(socket), []);
  const numbers = Array.from({ length: 200 }, (_, number) => number);
  assert.deepEqual(await Promise.all(numbers.map(async (number) => (await ask(socket, number))[0])), numbers);
});

await step("600 kB of text", async () => {
  const text = "žluťoučký kůň 🐎 ".repeat(25_500);
  assert.ok(Buffer.byteLength(text) > 600_000);
  socket.emit("message", text);
  assert.equal((await next(socket, "message-back"))[0], text);
});

await step("70 kB of binary in three attachments", async () => {
  const parts = [Buffer.alloc(30_000, 1), Buffer.alloc(0), Buffer.alloc(40_000, 3)];
  socket.emit("message", { parts, between: ["text", parts[2]] });
  const expected = plain({ parts, between: ["text", parts[2]] });
  assert.deepEqual(plain((await next(socket, "message-back"))[0]), expected);
  assert.deepEqual(plain(await ask(socket, ...parts)), plain(parts));
});

await step("a custom namespace beside the main one", async () => {
  const custom = io(`${url}/custom`, { ...options, forceNew: false });
  await next(custom, "connect");
  custom.emit("message", "custom");
  assert.deepEqual(await next(custom, "message-back"), ["custom"]);
  custom.disconnect();
  assert.deepEqual(await ask(socket, "main"), ["main"]);
});

await step("a refused namespace", async () => {
  const unknown = io(`${url}/unknown`, { ...options, forceNew: false });
  const [error] = await next(unknown, "connect_error");
  assert.equal(error.message, "Invalid namespace");
  unknown.disconnect();
});

await step("rooms", async () => {
  const other = io(url, options);
  await next(other, "connect");
  for (const member of [socket, other]) {
    await new Promise((resolve) => member.emit("join", "lobby", resolve));
  }
  const told = next(other, "told");
  socket.emit("tell", "lobby", "hello", Buffer.from("binary"));
  assert.deepEqual(plain(await told), plain(["hello", Buffer.from("binary")]));
  other.disconnect();
});

await step("heartbeats", async () => {
  let pings = 0;
  await new Promise((resolve) => {
    socket.io.engine.on("packet", ({ type }) => type === "ping" && ++pings === 3 && resolve());
  });
  assert.ok(socket.connected);
});

await step("reconnect after a lost transport", async () => {
  const { id } = socket;
  const [[reason]] = await Promise.all([
    next(socket, "disconnect"),
    next(socket, "connect"),
    socket.io.engine.transport.ws ? socket.io.engine.transport.ws.close() : socket.io.engine.close(),
  ]);
  assert.ok(["transport close", "forced close"].includes(reason), reason);
  assert.notEqual(socket.id, id);
  assert.deepEqual(await ask(socket, "again"), ["again"]);
});

await step("disconnect", async () => {
  const [[reason]] = await Promise.all([next(socket, "disconnect"), socket.disconnect()]);
  assert.equal(reason, "io client disconnect");
});

console.log(JSON.stringify(done));
