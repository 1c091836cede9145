import assert from "node:assert/strict";
import { afterEach, test } from "node:test";

import { Community } from "../../static/client/community.js";
import { HubbubError } from "../../static/client/errors.js";
import { settled, surroundings, until } from "./scripted.mjs";

/** The browser's `EventSource`, whose server is the test. */
class ScriptedSource extends EventTarget {
  static opened = [];
  static #waiting = [];

  constructor(address) {
    super();
    this.query = new URL(address, "http://hubbub.example").searchParams;
    this.closed = false;
    ScriptedSource.opened.push(this);
    ScriptedSource.#waiting.shift()?.();
  }

  static async next() {
    while (ScriptedSource.opened.length === 0) await new Promise((resolve) => ScriptedSource.#waiting.push(resolve));
    return ScriptedSource.opened.shift();
  }

  close() {
    this.closed = true;
  }

  tell(envelope) {
    this.onmessage({ data: JSON.stringify(envelope) });
  }

  reset(seq) {
    this.dispatchEvent(Object.assign(new Event("reset"), { data: JSON.stringify({ channel: "community", seq }) }));
  }
}

const published = (seq) => ({ event: "story:published", channel: "community", seq, data: { storyId: `s${seq}` } });
const ends = [];
afterEach(() => {
  ScriptedSource.opened.length = 0;
  ends.splice(0).forEach((end) => end());
});

/** Somebody who hears the community: the stories told, and how often everything was loaded. */
function listener({ browser = { EventSource: ScriptedSource }, live = true, ...more } = {}) {
  const hubbub = surroundings({ communityFallbackMs: 1, pollMs: 1, pollMaxMs: 2, ...more });
  if (!live) hubbub.connection.lose();
  const community = new Community(hubbub, browser);
  const heard = { stories: [], loads: 0 };
  const end = community.listen({
    "story:published": ({ storyId }) => heard.stories.push(storyId),
    revalidate: () => void heard.loads++,
  });
  ends.push(end, community.subscribe(() => {}));
  return { hubbub, connection: hubbub.connection, community, heard, end };
}

const subscribed = (seq, events = [], recovered = true) => ({ channel: "community", seq, recovered, events });

test("over the connection: it loads once, then hears every event by its name", async () => {
  const { connection, community, heard } = listener({ communityFallbackMs: 1e6 });
  (await connection.nextOf("channel:subscribe")).resolve(subscribed(4));
  const { transport } = await until(community, ({ isConnected }) => isConnected);
  assert.equal(transport, "socket");
  connection.deliver(published(5));
  connection.deliver({ event: "post:created", channel: "community", seq: 6, data: {} });
  connection.deliver(published(9));
  assert.deepEqual(heard, { stories: ["s5", "s9"], loads: 1 });
});

test("without a connection the stream takes over where it stopped, and gives back", async () => {
  const { connection, community, heard } = listener();
  (await connection.nextOf("channel:subscribe")).resolve(subscribed(4));
  await until(community, ({ isConnected }) => isConnected);
  connection.deliver(published(5));
  connection.lose();
  assert.equal(community.getSnapshot().isConnected, false);
  const source = await ScriptedSource.next();
  assert.equal(source.query.get("after"), "5");
  assert.equal(source.query.get("token"), "ada's token");
  source.onopen();
  await until(community, ({ isConnected, transport }) => isConnected && transport === "stream");
  source.tell(published(6));
  connection.regain();
  const { payload, resolve } = await connection.nextOf("channel:subscribe");
  assert.equal(payload.after, 5);
  resolve(subscribed(7, [published(6), published(7)]));
  await until(community, ({ transport }) => transport === "socket");
  assert.equal(source.closed, true);
  assert.deepEqual(heard, { stories: ["s5", "s6", "s7"], loads: 1 }, "each once, and nothing was loaded anew");
});

test("who never had a connection loads when the stream opens", async () => {
  const { heard, community } = listener({ live: false });
  const source = await ScriptedSource.next();
  assert.equal(source.query.has("after"), false);
  source.onopen();
  source.tell(published(3));
  await until(community, ({ isConnected }) => isConnected);
  assert.deepEqual(heard, { stories: ["s3"], loads: 1 });
  source.reset(8);
  await settled();
  source.tell(published(8));
  source.tell(published(9));
  assert.deepEqual(heard, { stories: ["s3", "s9"], loads: 2 }, "what was loaded is not told again");
});

test("a stream that fails is tried five times at growing pauses; then it polls", async (t) => {
  const pauses = [];
  const { setTimeout: real } = globalThis;
  t.mock.method(globalThis, "setTimeout", (work, ms) => {
    if (ms > 100) pauses.push(ms);
    return real(work, 0);
  });
  const polled = [];
  const answers = [
    { events: [], seq: 3, recovered: true, hasMore: false, retryAfter: 2 },
    { events: [published(4)], seq: 4, recovered: true, hasMore: false, retryAfter: 2 },
    { events: [], seq: 9, recovered: false, hasMore: false, retryAfter: 2 },
  ];
  t.mock.method(globalThis, "fetch", async (address) => {
    polled.push(new URL(address, "http://hubbub.example").searchParams.get("after"));
    const data = answers.shift();
    if (!data) return new Promise(() => {});
    return { json: async () => ({ ok: true, data }) };
  });
  const { community, heard } = listener({ live: false, retryDelayMs: 1000, retryDelayMaxMs: 15_000 });
  for (let attempt = 0; attempt < 6; attempt++) {
    const source = await ScriptedSource.next();
    assert.equal(community.getSnapshot().attempt, attempt);
    source.onerror();
    assert.equal(community.getSnapshot().isConnected, false);
  }
  assert.equal(pauses.length, 5);
  pauses.forEach((pause, at) => assert.ok(pause >= 750 * 2 ** at && pause <= 1000 * 2 ** at, `${pause} ms`));
  await until(community, ({ isConnected, transport }) => isConnected && transport === "polling");
  while (polled.length < 4) await settled();
  assert.deepEqual(polled, [null, "3", "4", "9"]);
  assert.deepEqual(heard, { stories: ["s4"], loads: 2 });
});

test("a reader who is not let in asks no more", async (t) => {
  let asked = 0;
  t.mock.method(globalThis, "fetch", async () => {
    asked++;
    return { json: async () => ({ ok: false, error: { code: "forbidden", message: "You are banned." } }) };
  });
  const { community } = listener({ live: false, browser: {} });
  const { error } = await until(community, ({ error: cause }) => cause !== null);
  assert.equal(error.code, "forbidden");
  for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setTimeout(resolve, 1));
  assert.equal(asked, 1);
});

test("who is writing a post shows, at the subscription and as it changes, and is unknown without a connection", async () => {
  const { connection, community } = listener({ communityFallbackMs: 1e6 });
  const { payload, resolve } = await connection.nextOf("channel:subscribe");
  assert.equal(payload.snapshot, true);
  resolve({ ...subscribed(4), snapshot: { typing: [{ id: "bo", name: "Bo" }] } });
  await until(community, ({ typing }) => typing.length === 1);
  const users = [{ id: "ada", name: "Ada" }, { id: "cy", name: "Cy" }];
  connection.deliver({ event: "typing:changed", channel: "community", data: { users } });
  assert.deepEqual(community.getSnapshot().typing, [{ id: "cy", name: "Cy" }], "others, not oneself");
  connection.lose();
  assert.deepEqual(community.getSnapshot().typing, []);
});

test("it can be switched off and on", async () => {
  const { connection, community, heard } = listener({ communityFallbackMs: 1e6 });
  (await connection.nextOf("channel:subscribe")).resolve(subscribed(4));
  await until(community, ({ isConnected }) => isConnected);
  community.disconnect();
  const away = { isConnected: false, transport: null, attempt: 0, error: null, typing: [] };
  assert.deepEqual(community.getSnapshot(), { enabled: false, ...away });
  (await connection.nextOf("channel:unsubscribe")).resolve({});
  connection.deliver(published(5));
  community.reconnect();
  (await connection.nextOf("channel:subscribe")).resolve(subscribed(6));
  await until(community, ({ isConnected }) => isConnected);
  connection.deliver(published(7));
  assert.deepEqual(heard, { stories: ["s7"], loads: 2 });
});

test("a subscription that is refused is tried another way", async () => {
  const { connection } = listener({ communityFallbackMs: 1e6 });
  const refused = new HubbubError({ code: "invalid", message: "Too many subscriptions." });
  (await connection.nextOf("channel:subscribe")).reject(refused);
  const source = await ScriptedSource.next();
  assert.equal(source.closed, false);
});
