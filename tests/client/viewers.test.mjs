import assert from "node:assert/strict";
import { test } from "node:test";

import { Viewers } from "../../static/client/viewers.js";
import { settled, surroundings } from "./scripted.mjs";

const user = (id) => ({ id, name: id });
const CHANNEL = "trip:lisbon:viewers";
const signal = (count, ...ids) => ({ event: "viewers:changed", channel: CHANNEL, data: { count, viewers: ids.map(user) } });
const reply = (count, ...ids) => ({
  channel: CHANNEL,
  seq: 0,
  recovered: true,
  events: [],
  snapshot: { count, viewers: ids.map(user) },
});

function trip() {
  const { connection, channels } = surroundings();
  return { connection, viewers: new Viewers(channels, CHANNEL) };
}

test("watching is viewing: the subscription begins with the first watcher and ends with the last", async () => {
  const { connection, viewers } = trip();
  assert.equal(connection.calls.length, 0);
  const ends = [viewers.subscribe(() => {}), viewers.subscribe(() => {})];
  const { payload, resolve } = await connection.nextOf("channel:subscribe");
  assert.deepEqual(payload, { snapshot: true, channel: CHANNEL, after: undefined });
  resolve(reply(2, "ada", "bo"));
  await settled();
  assert.deepEqual(viewers.getSnapshot(), { count: 2, viewers: [user("ada"), user("bo")] });
  connection.deliver(signal(3, "ada", "bo", "cy"));
  assert.equal(viewers.getSnapshot().count, 3);
  ends.forEach((end) => end());
  const left = await connection.nextOf("channel:unsubscribe");
  assert.deepEqual(left.payload, { channel: CHANNEL });
  assert.deepEqual(viewers.getSnapshot(), { count: 0, viewers: [] });
});

test("a signal that overtakes the snapshot is not undone by it", async () => {
  const { connection, viewers } = trip();
  viewers.subscribe(() => {});
  const { resolve } = await connection.nextOf("channel:subscribe");
  connection.deliver(signal(5, "ada"));
  resolve(reply(4, "ada"));
  await settled();
  assert.equal(viewers.getSnapshot().count, 5);
});

test("after a reconnect the snapshot counts again", async () => {
  const { connection, viewers } = trip();
  viewers.subscribe(() => {});
  (await connection.nextOf("channel:subscribe")).resolve(reply(1, "ada"));
  await settled();
  connection.deliver(signal(2, "ada", "bo"));
  connection.lose();
  connection.regain();
  (await connection.nextOf("channel:subscribe")).resolve(reply(1, "ada"));
  await settled();
  assert.equal(viewers.getSnapshot().count, 1);
});
