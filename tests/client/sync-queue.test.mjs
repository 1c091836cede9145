import assert from "node:assert/strict";
import { test } from "node:test";

import { HubbubError } from "../../static/client/errors.js";
import { memoryStorage } from "../../static/client/storage.js";
import { SyncQueue } from "../../static/client/sync-queue.js";
import { settled, surroundings, until } from "./scripted.mjs";

const wish = (id, set, more = {}) => ({ collection: "tasks", id, op: "upsert", base: null, set, unset: [], strategy: null, ...more });
const base = (version, data) => ({ version, data });
const record = (id, version, data) => ({ id, collection: "tasks", version, data, ownerId: "ada", createdAt: "", updatedAt: "", updatedBy: "ada" });
const accepted = ({ mutationId, id, data, baseVersion }) => ({ mutationId, ok: true, data: record(id, (baseVersion ?? 0) + 1, data) });
const refused = ({ mutationId }, code, more) => ({ mutationId, ok: false, error: { code, message: `It is ${code}.`, ...more } });
const shape = (queue) => queue.getSnapshot().changes.map(({ id, status, set }) => [id, status, set]);

function queued(options) {
  const hubbub = { ...surroundings(options), ...options };
  return { ...hubbub, hubbub, queue: new SyncQueue(hubbub) };
}

/** Answer the next batch; the mutations that it held. */
async function answer(connection, reply = accepted) {
  const call = await connection.nextOf("record:sync");
  call.resolve({ results: call.payload.mutations.map(reply) });
  await settled();
  return call.payload.mutations;
}

test("what is changed while there is no connection goes out in its order afterwards", async () => {
  const { connection, queue } = queued();
  connection.lose();
  for (const id of ["one", "two", "three"]) queue.add(wish(id, { title: id }));
  await settled();
  assert.equal(connection.calls.length, 0);
  assert.equal(queue.getSnapshot().pending, 3);
  connection.regain();
  const mutations = await answer(connection);
  assert.deepEqual(mutations.map(({ id, op, data }) => [id, op, data]), [
    ["one", "upsert", { title: "one" }],
    ["two", "upsert", { title: "two" }],
    ["three", "upsert", { title: "three" }],
  ]);
  assert.equal(new Set(mutations.map(({ mutationId }) => mutationId)).size, 3);
  assert.equal(queue.getSnapshot().pending, 0);
});

test("what was saved says so for a while and is gone then", async () => {
  const { connection, queue } = queued();
  queue.add(wish("one", { title: "one" }));
  await answer(connection);
  assert.deepEqual(shape(queue), [["one", "saved", { title: "one" }]]);
  await until(queue, ({ changes }) => changes.length === 0);
});

test("an attempt without an answer is repeated unchanged, whatever was added meanwhile", async () => {
  const { connection, queue } = queued();
  queue.add(wish("one", { title: "first" }));
  const { payload, reject } = await connection.nextOf("record:sync");
  queue.add(wish("one", { title: "second" }));
  connection.lose();
  reject(new HubbubError({ code: "unavailable", message: "Lost." }));
  connection.regain();
  const again = await answer(connection);
  assert.deepEqual(again, payload.mutations);
  const [later] = await answer(connection);
  assert.deepEqual([later.data, later.baseVersion], [{ title: "second" }, 1]);
});

test("a change that waits is based on the version that an earlier one of the record brings", async () => {
  const { connection, queue } = queued();
  connection.lose();
  queue.add(wish("one", { title: "mine" }, { base: base(3, { title: "old", done: false }) }));
  queue.add(wish("two", { title: "two" }));
  queue.add(wish("one", { done: true }, { base: base(3, { title: "old", done: false }) }));
  connection.regain();
  const first = await answer(connection, (mutation) =>
    mutation.id === "one" ? { ...accepted(mutation), data: record("one", 7, { title: "mine", done: false, by: "bo" }) } : accepted(mutation),
  );
  assert.deepEqual(first.map(({ id, baseVersion }) => [id, baseVersion]), [["one", 3], ["two", 0]]);
  const [rebased] = await answer(connection);
  assert.deepEqual([rebased.data, rebased.baseVersion], [{ title: "mine", done: true, by: "bo" }, 7]);
});

test("changes of one record that follow each other and never left become one", async () => {
  const { connection, queue } = queued();
  connection.lose();
  queue.add(wish("one", { title: "o" }));
  queue.add(wish("one", { title: "on", note: "x" }));
  queue.add(wish("one", { title: "one" }, { unset: ["note"] }));
  assert.deepEqual(shape(queue), [["one", "pending", { title: "one" }]]);
  queue.add(wish("one", {}, { op: "delete" }));
  assert.deepEqual(shape(queue), [], "nobody has to hear of what came and went");
  connection.regain();
  await settled();
  assert.equal(connection.calls.length, 0);
});

test("what may pass is tried again, and holds up what comes behind it", async () => {
  const { connection, queue } = queued({ syncBatch: 1 });
  queue.add(wish("one", { title: "one" }));
  queue.add(wish("two", { title: "two" }));
  for (const code of ["unavailable", "rate_limited"]) {
    const [tried] = await answer(connection, (mutation) => refused(mutation, code));
    assert.equal(tried.id, "one");
  }
  assert.equal((await answer(connection))[0].id, "one");
  assert.equal((await answer(connection))[0].id, "two");
});

test("what is refused for good waits with its reason, and the others go on", async () => {
  const { connection, queue } = queued();
  queue.add(wish("one", { title: "" }));
  queue.add(wish("two", { title: "two" }));
  const fields = { title: ["It is empty."] };
  await answer(connection, (mutation) => (mutation.id === "one" ? refused(mutation, "invalid", { fields }) : accepted(mutation)));
  const [failed] = queue.getSnapshot().changes;
  assert.deepEqual([failed.status, failed.error.message, failed.error.fields], ["failed", "It is invalid.", fields]);
  assert.deepEqual([queue.getSnapshot().pending, queue.getSnapshot().failed], [0, 1]);

  queue.retry("tasks", "one");
  await answer(connection, (mutation) => refused(mutation, "forbidden"));
  assert.equal(queue.of("tasks", "one")[0].error.message, "It is forbidden.");
  queue.undo("tasks", "one");
  assert.deepEqual(queue.of("tasks", "one"), []);
});

test("a refused change that is corrected is sent as one", async () => {
  const { connection, queue } = queued();
  queue.add(wish("one", { title: "", done: false }));
  await answer(connection, (mutation) => refused(mutation, "invalid"));
  queue.add(wish("one", { title: "one" }));
  const [corrected] = await answer(connection);
  assert.deepEqual(corrected.data, { title: "one", done: false });
});

test("what waits behind a change that is refused is tried as one with it", async () => {
  const { connection, queue } = queued();
  queue.add(wish("one", { title: "", done: false }));
  const call = await connection.nextOf("record:sync");
  queue.add(wish("one", { title: "one" }));
  call.resolve({ results: call.payload.mutations.map((mutation) => refused(mutation, "invalid")) });
  const [whole] = await answer(connection);
  assert.deepEqual(whole.data, { title: "one", done: false });
  assert.equal(queue.getSnapshot().failed, 0);
});

test("of a batch that is refused whole, the fault of one is not that of the others", async () => {
  const { connection, queue } = queued();
  connection.lose();
  for (const id of ["one", "two", "three"]) queue.add(wish(id, { title: id }));
  connection.regain();
  const reject = async () => (await connection.nextOf("record:sync")).reject(Object.assign(new Error("No."), { code: "invalid" }));
  await reject();
  assert.equal((await answer(connection))[0].id, "one");
  await reject();
  assert.equal((await answer(connection))[0].id, "three");
  assert.deepEqual(queue.of("tasks").filter(({ status }) => status === "failed").map(({ id }) => id), ["two"]);
});

test("a change that was parked for somebody to decide waits no longer", async () => {
  const { connection, queue } = queued();
  const heard = [];
  queue.onSettled((change) => heard.push([change.id, change.status, change.error.current.version]));
  queue.add(wish("one", { title: "mine" }, { base: base(1, { title: "old" }), strategy: "manual" }));
  await answer(connection, (mutation) => refused(mutation, "conflict", { current: record("one", 2, { title: "theirs" }) }));
  assert.deepEqual(heard, [["one", "parked", 2]]);
  assert.equal(queue.getSnapshot().pending + queue.getSnapshot().failed, 0);
});

test("a conflict that nobody can decide on, because it was not parked, is a failure", async () => {
  for (const [parked, status] of [[true, "parked"], [false, "failed"]]) {
    const { connection, queue } = queued();
    queue.add(wish("one", { title: "mine" }, { base: base(1, { title: "old" }) }));
    await answer(connection, (mutation) => refused(mutation, "conflict"));
    const other = { collection: "tasks", recordId: "two" };
    const conflicts = parked ? [other, { collection: "tasks", recordId: "one" }] : [other];
    (await connection.nextOf("conflict:list")).resolve({ conflicts });
    await until(queue, ({ pending }) => pending === 0);
    assert.equal(queue.of("tasks", "one")[0].status, status);
  }
});

test("a batch is bounded in number and in bytes", async () => {
  const { connection, queue } = queued({ syncBatch: 3, syncBytes: 1_000 });
  connection.lose();
  for (let number = 0; number < 4; number++) queue.add(wish(`small ${number}`, { title: "short" }));
  for (let number = 0; number < 2; number++) queue.add(wish(`large ${number}`, { title: "x".repeat(2_000) }));
  connection.regain();
  const sizes = [];
  while (queue.getSnapshot().pending > 0) sizes.push((await answer(connection)).length);
  assert.deepEqual(sizes, [3, 1, 1, 1]);
});

test("it survives a reload: the next page takes over what the last one left, refusals included", async () => {
  const storage = memoryStorage();
  const before = queued({ storage });
  before.queue.add(wish("refused", { title: "" }));
  await answer(before.connection, (mutation) => refused(mutation, "invalid"));
  before.connection.lose();
  before.queue.add(wish("one", { title: "one" }));
  before.queue.add(wish("two", { title: "two" }));
  await settled();
  const ids = before.queue.getSnapshot().changes.map(({ mutationId }) => mutationId);

  const after = queued({ storage });
  await until(after.queue, ({ changes }) => changes.length === 3);
  assert.deepEqual(after.queue.getSnapshot().changes.map(({ mutationId }) => mutationId), ids);
  assert.equal(after.queue.of("tasks", "refused")[0].error.message, "It is invalid.");
  assert.deepEqual((await answer(after.connection)).map(({ id }) => id), ["one", "two"]);
  await settled();
  assert.equal((await storage.entries("")).length, 1, "what the server has is not kept");
});

test("what another page that is there keeps is left to it until it is gone", async () => {
  const storage = memoryStorage();
  const before = queued({ storage });
  before.connection.lose();
  before.queue.add(wish("one", { title: "one" }));
  await settled();
  let close;
  const other = { ...storage, ifOrphaned: async () => false, onceOrphaned: (_name, work) => new Promise((resolve) => (close = () => resolve(work()))) };
  const after = queued({ storage: other });
  await settled();
  assert.equal(after.connection.calls.length, 0);
  close();
  assert.equal((await answer(after.connection))[0].id, "one");
});

test("what another person left in this browser is none of this one's business", async () => {
  const storage = memoryStorage();
  const ada = queued({ storage });
  ada.connection.lose();
  ada.queue.add(wish("one", { title: "one" }));
  await settled();
  const bo = queued({ storage, me: { id: "bo" } });
  await settled();
  assert.deepEqual(shape(bo.queue), []);
});

test("a storage that fails is told of once, and changes go out all the same", async () => {
  const broken = () => Promise.reject(new Error("The disk is full."));
  const { connection, queue, reported } = queued({ storage: { ...memoryStorage(), entries: broken, set: broken, delete: broken } });
  queue.add(wish("one", { title: "one" }));
  queue.add(wish("two", { title: "two" }));
  await answer(connection);
  assert.equal(queue.getSnapshot().pending, 0);
  assert.deepEqual(reported.map(({ message, cause }) => [message, cause.message]), [
    ["What waits to be sent cannot be kept over a reload here.", "The disk is full."],
  ]);
});
