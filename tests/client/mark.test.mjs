import assert from "node:assert/strict";
import { test } from "node:test";

import { HubbubError } from "../../static/client/errors.js";
import { Mark } from "../../static/client/mark.js";
import { LIKES, RATING, SAVES } from "../../static/client/marks.js";
import { settled, surroundings } from "./scripted.mjs";

const TRIP = { type: "trip", id: "lisbon" };
const subscribed = (channel) => ({ channel, seq: 0, recovered: true, events: [] });

async function watched(kind, stored) {
  const hubbub = surroundings();
  const { connection } = hubbub;
  const mark = new Mark(hubbub, TRIP, kind);
  mark.subscribe(() => {});
  const channel = `trip:lisbon:${kind.topic}`;
  (await connection.nextOf("channel:subscribe")).resolve(subscribed(channel));
  (await connection.nextOf(kind.get)).resolve(stored);
  await settled();
  let seq = 0;
  const deliver = (data) => connection.deliver({ event: kind.event, channel, seq: ++seq, data });
  const shown = () => {
    const { status, error, ...rest } = mark.getSnapshot();
    assert.deepEqual({ status, error }, { status: "ready", error: null });
    return rest;
  };
  return { connection, mark, deliver, shown };
}

test("a like shows at once and is confirmed", async () => {
  const { connection, mark, shown } = await watched(LIKES, { liked: false, count: 4 });
  const done = mark.toggle();
  assert.deepEqual(shown(), { mine: true, count: 5 });
  const { payload, resolve } = await connection.nextOf("like:set");
  assert.deepEqual(payload, { type: "trip", id: "lisbon", liked: true });
  resolve({ liked: true, count: 7 });
  await done;
  assert.deepEqual(shown(), { mine: true, count: 7 });
});

test("a like that is refused is taken back", async () => {
  const { connection, mark, shown } = await watched(LIKES, { liked: false, count: 4 });
  const done = mark.toggle();
  (await connection.nextOf("like:set")).reject(new HubbubError({ code: "forbidden", message: "Muted." }));
  await assert.rejects(done, { code: "forbidden" });
  assert.deepEqual(shown(), { mine: false, count: 4 });
});

test("absolute counts win over what was expected, and over an answer that they overtook", async () => {
  const { connection, mark, deliver, shown } = await watched(SAVES, { saved: false, count: 4 });
  const done = mark.toggle();
  assert.deepEqual(shown(), { mine: true, count: 5 });
  const { resolve } = await connection.nextOf("save:set");
  deliver({ count: 9, action: "save" });
  assert.deepEqual(shown(), { mine: true, count: 9 });
  resolve({ saved: true, count: 5 });
  await done;
  assert.deepEqual(shown(), { mine: true, count: 9 });
});

test("of many quick presses the last one counts, one question at a time", async () => {
  const { connection, mark, shown } = await watched(LIKES, { liked: false, count: 0 });
  const done = [mark.toggle(), mark.toggle(), mark.toggle(), mark.toggle()];
  assert.deepEqual(shown(), { mine: false, count: 0 });
  const first = await connection.nextOf("like:set");
  assert.equal(first.payload.liked, true);
  assert.equal(connection.calls.length, 0);
  first.resolve({ liked: true, count: 1 });
  const second = await connection.nextOf("like:set");
  assert.equal(second.payload.liked, false);
  second.resolve({ liked: false, count: 0 });
  await Promise.all(done);
  assert.deepEqual(shown(), { mine: false, count: 0 });
});

test("one's own like in another tab shows here, and other people's do not", async () => {
  const { deliver, shown } = await watched(LIKES, { liked: false, count: 0 });
  deliver({ count: 1, action: "like", userId: "bo" });
  assert.deepEqual(shown(), { mine: false, count: 1 });
  deliver({ count: 2, action: "like", userId: "ada" });
  assert.deepEqual(shown(), { mine: true, count: 2 });
});

test("a rating's average is expected, and then what the server says", async () => {
  const { connection, mark, deliver, shown } = await watched(RATING, { averageRating: 4, ratingCount: 2, mine: null });
  const done = mark.set(1);
  assert.deepEqual(shown(), { mine: 1, ratingCount: 3, averageRating: 3 });
  (await connection.nextOf("rating:set")).resolve({ averageRating: 3, ratingCount: 3, mine: 1 });
  await done;
  const again = mark.set(4);
  assert.deepEqual(shown(), { mine: 4, ratingCount: 3, averageRating: 4 });
  (await connection.nextOf("rating:set")).reject(new HubbubError({ code: "unavailable", message: "Lost." }));
  await assert.rejects(again);
  deliver({ averageRating: 3.67, ratingCount: 3 });
  assert.deepEqual(shown(), { mine: 1, ratingCount: 3, averageRating: 3.67 });
});
