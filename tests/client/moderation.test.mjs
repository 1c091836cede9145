import assert from "node:assert/strict";
import { test } from "node:test";

import { HubbubError } from "../../static/client/errors.js";
import { Moderation } from "../../static/client/moderation.js";
import { settled, surroundings } from "./scripted.mjs";

const item = (id, more = {}) => ({ id, kind: "comment", status: "pending", flagCount: 1, ...more });
const ids = (queue) => queue.getSnapshot().items.map(({ id }) => id);

async function watched(items) {
  const hubbub = surroundings();
  const { connection } = hubbub;
  const queue = new Moderation(hubbub);
  queue.subscribe(() => {});
  const subscribed = { channel: "admin", seq: 0, recovered: true, events: [], snapshot: { pendingCount: items.length } };
  (await connection.nextOf("channel:subscribe")).resolve(subscribed);
  (await connection.nextOf("moderation:list")).resolve({ items, hasMore: false });
  await settled();
  let seq = 0;
  const deliver = (event, data) => connection.deliver({ event, channel: "admin", seq: ++seq, data });
  return { connection, queue, deliver };
}

test("what comes and is decided elsewhere shows at once", async () => {
  const { queue, deliver } = await watched([item("i1")]);
  deliver("moderation:added", item("i2"));
  deliver("moderation:updated", item("i1", { flagCount: 2 }));
  assert.deepEqual(ids(queue), ["i2", "i1"]);
  assert.equal(queue.getSnapshot().items[1].flagCount, 2);
  deliver("moderation:decided", item("i2", { status: "approved" }));
  assert.deepEqual(ids(queue), ["i1"]);
});

test("a decision leaves the list at once and comes back when it fails", async () => {
  const { connection, queue } = await watched([item("i1")]);
  const decided = queue.decide("i1", "reject", "Off topic");
  assert.deepEqual(ids(queue), []);
  const { payload, reject } = await connection.nextOf("moderation:decide");
  assert.deepEqual(payload, { itemId: "i1", decision: "reject", reason: "Off topic" });
  reject(new HubbubError({ code: "unavailable", message: "Lost." }));
  await assert.rejects(decided);
  assert.deepEqual(ids(queue), ["i1"]);
});

test("what another moderator has decided does not come back", async () => {
  const { connection, queue } = await watched([item("i1")]);
  const decided = queue.decide("i1", "approve");
  (await connection.nextOf("moderation:decide")).reject(new HubbubError({ code: "conflict", message: "Decided." }));
  await assert.rejects(decided, { code: "conflict" });
  assert.deepEqual(ids(queue), []);
});

test("the list shows one kind and one status, and counts all that waits", async () => {
  const { connection, queue, deliver } = await watched([item("i1")]);
  const shown = queue.show({ kind: "image" });
  assert.deepEqual(ids(queue), [], "what was shown before is gone");
  const { payload, resolve } = await connection.nextOf("moderation:list");
  assert.deepEqual([payload.status, payload.kind], ["pending", "image"]);
  resolve({ items: [item("i0", { kind: "image" })], hasMore: false });
  await shown;
  deliver("moderation:added", item("i2"));
  deliver("moderation:added", item("i3", { kind: "image" }));
  assert.deepEqual(ids(queue), ["i3", "i0"]);
  assert.equal(queue.getSnapshot().pendingCount, 3);

  const decided = queue.show({ kind: null, status: "approved" });
  const next = await connection.nextOf("moderation:list");
  assert.equal(next.payload.status, "approved");
  assert.equal("kind" in next.payload, false);
  next.resolve({ items: [], hasMore: false });
  await decided;
  deliver("moderation:decided", item("i3", { kind: "image", status: "approved" }));
  deliver("moderation:decided", item("i2", { status: "rejected" }));
  assert.deepEqual(ids(queue), ["i3"]);
  assert.equal(queue.getSnapshot().pendingCount, 1);
});
