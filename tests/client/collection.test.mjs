import assert from "node:assert/strict";
import { test } from "node:test";

import { Collection } from "../../static/client/collection.js";
import { SyncQueue } from "../../static/client/sync-queue.js";
import { settled, surroundings, until } from "./scripted.mjs";

const at = (number) => `2026-11-21T01:02:${String(number).padStart(2, "0")}.000Z`;
const record = (id, version, data, created = 1) => ({
  id,
  collection: "tasks",
  version,
  data,
  ownerId: "bo",
  createdAt: at(created),
  updatedAt: at(created),
  updatedBy: "bo",
});
const shown = (collection) => collection.getSnapshot().records.map(({ id, data }) => [id, data.title]);

/** A collection that is watched, of which the server has told these records. */
async function watched(t, records = [], { filter, hasMore = false } = {}) {
  const hubbub = surroundings({ recordPage: 2 });
  const sync = new SyncQueue(hubbub);
  const collection = new Collection({ ...hubbub, sync }, "tasks", filter);
  t.after(collection.subscribe(() => {}));
  const { connection } = hubbub;
  const call = await connection.nextOf("channel:subscribe");
  call.resolve({ channel: "collection:tasks", seq: 0, recovered: true, events: [], snapshot: { records, hasMore } });
  await until(collection, ({ status }) => status === "ready");
  await settled();
  let seq = 0;
  const tell = (eventType, next, old = null) => {
    const { id, version } = next ?? old;
    // Others' changes may be skipped for this reader: numbers have holes.
    seq += 2;
    connection.deliver({ event: "record:changed", channel: "collection:tasks", seq, data: { eventType, id, new: next, old, version } });
  };
  const answer = async (reply) => {
    const { payload, resolve } = await connection.nextOf("record:sync");
    resolve({ results: payload.mutations.map((mutation) => ({ mutationId: mutation.mutationId, ...reply(mutation) })) });
    await settled();
    return payload.mutations;
  };
  return { connection, sync, collection, tell, answer, subscribed: call.payload };
}

test("onInsert, onUpdate, onDelete and the list tell what others do", async (t) => {
  const { collection, tell } = await watched(t, [record("a", 1, { title: "first" }, 1)]);
  const heard = [];
  t.after(collection.onInsert(({ id }) => heard.push(["insert", id])));
  t.after(collection.onUpdate(({ data }, before) => heard.push(["update", before.data.title, data.title])));
  t.after(collection.onDelete(({ data }, id) => heard.push(["delete", id, data.title])));
  tell("INSERT", record("b", 1, { title: "second" }, 2));
  tell("UPDATE", record("a", 2, { title: "better" }, 1), record("a", 1, { title: "first" }, 1));
  tell("DELETE", null, record("b", 2, { title: "second" }, 2));
  assert.deepEqual(heard, [["insert", "b"], ["update", "first", "better"], ["delete", "b", "second"]]);
  assert.deepEqual(shown(collection), [["a", "better"]]);
});

test("listening alone watches, and the last one who ends it ends that", async () => {
  const hubbub = surroundings();
  const collection = new Collection({ ...hubbub, sync: new SyncQueue(hubbub) }, "tasks");
  const ends = [collection.onInsert(() => {}), collection.onDelete(() => {})];
  const { payload } = await hubbub.connection.nextOf("channel:subscribe");
  assert.deepEqual(payload, { channel: "collection:tasks", snapshot: true, after: undefined });
  ends[0]();
  assert.equal(hubbub.connection.calls.length, 0);
  ends[1]();
  await hubbub.connection.nextOf("channel:unsubscribe");
});

test("a version that is older than what is known changes nothing", async (t) => {
  const { collection, tell } = await watched(t, [record("a", 5, { title: "fifth" })]);
  tell("UPDATE", record("a", 4, { title: "fourth" }));
  assert.deepEqual(shown(collection), [["a", "fifth"]]);
  tell("DELETE", null, record("a", 6, { title: "fifth" }));
  tell("UPDATE", record("a", 5, { title: "late" }));
  assert.deepEqual(shown(collection), []);
  tell("INSERT", record("a", 7, { title: "again" }));
  assert.deepEqual(shown(collection), [["a", "again"]]);
});

test("what stops matching a filter arrives as DELETE and leaves the list", async (t) => {
  const { collection, tell, subscribed } = await watched(t, [record("a", 1, { title: "open" })], { filter: "done=eq.false" });
  assert.equal(subscribed.filter, "done=eq.false");
  tell("DELETE", null, record("a", 2, { title: "open" }));
  assert.deepEqual(shown(collection), []);
});

test("older records are loaded page by page, behind the last one of the page before", async (t) => {
  const { connection, collection } = await watched(t, [record("d", 1, { title: "d" }, 4), record("c", 1, { title: "c" }, 3)], { hasMore: true });
  const more = collection.loadMore();
  const { payload, resolve } = await connection.nextOf("record:list");
  assert.deepEqual(payload, { collection: "tasks", limit: 2, before: "c" });
  resolve({ records: [record("b", 1, { title: "b" }, 2)], hasMore: true, next: "a5" });
  await more;
  assert.deepEqual(shown(collection).map(([id]) => id), ["d", "c", "b"]);
  const last = collection.loadMore();
  const after = await connection.nextOf("record:list");
  assert.equal(after.payload.before, "a5", "a page may end before the next record that matches");
  after.resolve({ records: [], hasMore: false });
  await last;
  assert.equal(collection.getSnapshot().hasMore, false);
});

test("what this user does shows at once: pending, then saved, which is cleared", async (t) => {
  const { collection, answer } = await watched(t, [record("a", 1, { title: "old", done: false })]);
  collection.patch("a", { done: true });
  const id = collection.insert({ title: "new" });
  assert.deepEqual(shown(collection), [[id, "new"], ["a", "old"]]);
  assert.equal(collection.get("a").data.done, true);
  const { changes, pending } = collection.getSnapshot();
  assert.deepEqual([changes.a.status, changes[id].status, pending], ["pending", "pending", 2]);

  const accept = ({ id: known, data, baseVersion }) => ({ ok: true, data: record(known, (baseVersion ?? 0) + 1, data, 9) });
  const [first] = await answer(accept);
  assert.deepEqual([first.data, first.baseVersion], [{ title: "old", done: true }, 1]);
  await answer(accept);
  assert.equal(collection.getSnapshot().changes.a?.status, "saved");
  assert.equal(collection.getSnapshot().pending, 0);
  await until(collection, (view) => Object.keys(view.changes).length === 0);
  assert.equal(collection.get("a").version, 2);
});

test("a failure has its message, and undoing rolls it back", async (t) => {
  const { collection, answer } = await watched(t, [record("a", 1, { title: "old" }), record("b", 1, { title: "stays" })]);
  collection.patch("a", { title: "x".repeat(9) });
  await answer(() => ({ ok: false, error: { code: "invalid", message: "It is too long." } }));
  assert.equal(collection.getSnapshot().changes.a.error.message, "It is too long.");
  assert.equal(collection.get("a").data.title, "xxxxxxxxx");
  collection.undo("a");
  assert.equal(collection.get("a").data.title, "old");

  collection.remove("b");
  assert.equal(collection.get("b"), undefined);
  await answer(() => ({ ok: false, error: { code: "forbidden", message: "You may not." } }));
  assert.equal(collection.get("b").data.title, "stays", "what may not be deleted is there again");
  assert.equal(collection.getSnapshot().changes.b.status, "failed");
});

test("what others change meanwhile shows under one's own change, and wins when it is parked", async (t) => {
  const { collection, tell, answer } = await watched(t, [record("a", 1, { title: "old", note: "old" })]);
  collection.patch("a", { title: "mine" }, { strategy: "manual" });
  const theirs = record("a", 2, { title: "theirs", note: "theirs" });
  tell("UPDATE", theirs);
  assert.deepEqual(collection.get("a").data, { title: "mine", note: "theirs" });
  const [sent] = await answer(() => ({ ok: false, error: { code: "conflict", message: "Parked.", current: theirs } }));
  assert.deepEqual([sent.data, sent.baseVersion, sent.strategy], [{ title: "mine", note: "old" }, 1, "manual"]);
  assert.equal(collection.getSnapshot().changes.a.status, "parked");
  assert.deepEqual(collection.get("a").data, theirs.data);
});

test("an edit is based on what its author saw, not on what came while they typed", async (t) => {
  const { collection, tell, answer } = await watched(t, [record("a", 1, { title: "old", done: false })]);
  const seen = collection.get("a");
  tell("UPDATE", record("a", 2, { title: "theirs", done: true }));
  collection.patch("a", { title: "mine" }, { base: seen });
  const [sent] = await answer(({ id }) => ({ ok: true, data: record(id, 3, { title: "mine", done: true }) }));
  assert.deepEqual([sent.data, sent.baseVersion], [{ title: "mine", done: false }, 1]);
});

test("it is told when the server settled a conflict with one's own change", async (t) => {
  const { collection, answer } = await watched(t, [record("a", 1, { title: "old" })]);
  const heard = [];
  collection.onSettledConflict(({ conflict }) => heard.push(conflict));
  collection.patch("a", { title: "mine" });
  const conflict = { strategy: "merge", fields: ["title"], lost: { title: "theirs" } };
  await answer(({ id, data }) => ({ ok: true, data: { ...record(id, 3, data), conflict } }));
  assert.deepEqual(heard, [conflict]);
  assert.equal("conflict" in collection.get("a"), false);
});
