import assert from "node:assert/strict";
import { test } from "node:test";

import { Channel } from "../../static/client/channel.js";
import { HubbubError } from "../../static/client/errors.js";
import { ScriptedConnection, settings, settled } from "./scripted.mjs";

const event = (seq, channel = "room:r1") => ({ event: "message:created", channel, seq, at: "", data: { n: seq } });

/** A followed channel; `seen` lists what reached its consumer. */
function follow(name = "room:r1", consumer = {}) {
  const connection = new ScriptedConnection();
  const seen = [];
  const reported = [];
  const channel = new Channel(name, { connection, settings, report: (error) => reported.push(error), options: {} });
  channel.add({
    load: () => void seen.push("load"),
    event: ({ seq }) => seen.push(seq),
    signal: (signal) => seen.push(signal.event),
    ...consumer,
  });
  void channel.sync();
  return { connection, channel, seen, reported };
}

async function inStep(seq, ...rest) {
  const followed = follow(...rest);
  const { payload, resolve } = await followed.connection.next();
  assert.equal(payload.after, undefined);
  resolve({ channel: payload.channel, seq, recovered: true, events: [] });
  await settled();
  return followed;
}

test("the first subscription loads, and then events come in order", async () => {
  const { channel, seen } = await inStep(4);
  channel.receive(event(5));
  channel.receive(event(6));
  assert.deepEqual(seen, ["load", 5, 6]);
});

test("an event that comes twice is told once", async () => {
  const { channel, seen } = await inStep(4);
  for (const seq of [5, 5, 4, 6, 5, 6]) channel.receive(event(seq));
  assert.deepEqual(seen, ["load", 5, 6]);
});

test("a hole is asked for and filled, in order and without doubles", async () => {
  const { channel, connection, seen } = await inStep(4);
  channel.receive(event(5));
  channel.receive(event(8));
  channel.receive(event(9));
  const { action, payload, resolve } = await connection.next();
  assert.equal(action, "channel:subscribe");
  assert.equal(payload.after, 5);
  channel.receive(event(10));
  assert.deepEqual(seen, ["load", 5]);
  resolve({ seq: 9, recovered: true, events: [event(6), event(7), event(8), event(9)] });
  await settled();
  assert.deepEqual(seen, ["load", 5, 6, 7, 8, 9, 10]);
});

test("where events may be hidden from the reader, a hole is none", async () => {
  const { channel, connection, seen } = await inStep(4, "community");
  channel.receive(event(9, "community"));
  assert.deepEqual(seen, ["load", 9]);
  assert.equal(connection.calls.length, 0);
});

test("after a reconnect the channel goes on behind the last event seen", async () => {
  const { channel, connection, seen } = await inStep(4);
  channel.receive(event(5));
  channel.down();
  void channel.sync();
  const { payload, resolve } = await connection.next();
  assert.equal(payload.after, 5);
  resolve({ seq: 7, recovered: true, events: [event(6), event(7)] });
  await settled();
  channel.receive(event(7));
  channel.receive(event(8));
  assert.deepEqual(seen, ["load", 5, 6, 7, 8]);
});

test("when the log does not reach back, the consumer loads, and events wait for it", async () => {
  let loaded = () => {};
  const seen = [];
  const load = () => {
    seen.push("load");
    return new Promise((resolve) => (loaded = resolve));
  };
  const { channel, connection } = follow("room:r1", { load, event: ({ seq }) => seen.push(seq) });
  (await connection.next()).resolve({ seq: 4, recovered: true, events: [] });
  await settled();
  loaded();
  await settled();
  channel.down();
  void channel.sync();
  (await connection.next()).resolve({ seq: 2000, recovered: false, events: [] });
  await settled();
  channel.receive(event(2001));
  assert.deepEqual(seen, ["load", "load"]);
  loaded();
  await settled();
  assert.deepEqual(seen, ["load", "load", 2001]);
});

test("events wait while a page is loaded", async () => {
  const { channel, seen } = await inStep(4);
  let loaded = () => {};
  const held = channel.hold(() => new Promise((resolve) => (loaded = resolve)));
  channel.receive(event(5));
  channel.receive(event(6));
  assert.deepEqual(seen, ["load"]);
  loaded();
  await held;
  assert.deepEqual(seen, ["load", 5, 6]);
});

test("what a repair replays waits for a page that is being loaded, too", async () => {
  const { channel, connection, seen } = await inStep(4);
  channel.receive(event(6));
  let loaded = () => {};
  const held = channel.hold(() => new Promise((resolve) => (loaded = resolve)));
  (await connection.next()).resolve({ seq: 6, recovered: true, events: [event(5), event(6)] });
  await settled();
  assert.deepEqual(seen, ["load"]);
  loaded();
  await held;
  channel.receive(event(7));
  assert.deepEqual(seen, ["load", 5, 6, 7]);
});

test("a subscription that fails for a passing reason is tried again", async () => {
  const { channel, connection, seen } = follow();
  (await connection.next()).reject(new HubbubError({ code: "unavailable", message: "No answer." }));
  (await connection.next()).resolve({ seq: 0, recovered: true, events: [] });
  await settled();
  channel.receive(event(1));
  assert.deepEqual(seen, ["load", 1]);
});

test("a subscription that is refused tells its consumer", async () => {
  const failures = [];
  const { connection } = follow("room:r1", { failed: (error) => failures.push(error.code) });
  (await connection.next()).reject(new HubbubError({ code: "forbidden", message: "Members only." }));
  await settled();
  assert.deepEqual(failures, ["forbidden"]);
  assert.equal(connection.calls.length, 0);
});

test("an answer that belongs to the connection before is not taken", async () => {
  const { channel, connection, seen } = await inStep(4);
  channel.down();
  void channel.sync();
  const stale = await connection.next();
  channel.down();
  void channel.sync();
  const fresh = await connection.next();
  stale.resolve({ seq: 5, recovered: true, events: [event(5)] });
  await settled();
  assert.deepEqual(seen, ["load"]);
  fresh.resolve({ seq: 6, recovered: true, events: [event(5), event(6)] });
  await settled();
  assert.deepEqual(seen, ["load", 5, 6]);
});

test("signals pass at once, and a consumer that fails does not stop the others", async () => {
  const { channel, seen, reported } = await inStep(4);
  const failure = new Error("a defect of the consumer");
  channel.add({
    event: () => {
      throw failure;
    },
  });
  channel.receive({ event: "typing:changed", channel: "room:r1", at: "", data: { users: [] } });
  channel.receive(event(5));
  channel.receive(event(6));
  assert.deepEqual(seen, ["load", "typing:changed", 5, 6]);
  assert.deepEqual(reported, [failure, failure]);
});
