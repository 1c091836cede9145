import assert from "node:assert/strict";
import { test } from "node:test";

import { Conflicts } from "../../static/client/conflicts.js";
import { HubbubError } from "../../static/client/errors.js";
import { settled, surroundings, until } from "./scripted.mjs";

const conflict = (id) => ({ id, collection: "tasks", recordId: "a", local: { title: "mine" }, remote: { title: "theirs" }, base: null });
const ids = (store) => store.getSnapshot().items.map(({ id }) => id);

async function watched(t, conflicts) {
  const hubbub = surroundings();
  const { connection } = hubbub;
  const store = new Conflicts(hubbub);
  t.after(store.subscribe(() => {}));
  (await connection.nextOf("channel:subscribe")).resolve({ channel: "user:ada", seq: 0, recovered: true, events: [] });
  (await connection.nextOf("conflict:list")).resolve({ conflicts, hasMore: false });
  await until(store, ({ status }) => status === "ready");
  await settled();
  let seq = 0;
  const deliver = (event, data) => connection.deliver({ event, channel: "user:ada", seq: ++seq, data });
  return { connection, store, deliver };
}

test("what waits for a decision comes and goes live", async (t) => {
  const { connection, store, deliver } = await watched(t, [conflict("c1")]);
  deliver("conflict:created", { conflictId: "c2", collection: "tasks", recordId: "a" });
  (await connection.nextOf("conflict:list")).resolve({ conflicts: [conflict("c2"), conflict("c1")], hasMore: false });
  await until(store, ({ items }) => items.length === 2);
  await settled();
  deliver("conflict:resolved", { conflictId: "c1", collection: "tasks", recordId: "a", resolution: "remote" });
  assert.deepEqual(ids(store), ["c2"]);
});

test("what is decided leaves the list at once, and comes back when the server refuses", async (t) => {
  const { connection, store } = await watched(t, [conflict("c1")]);
  const refused = store.resolve("c1", "custom", { title: "both" });
  assert.deepEqual(ids(store), []);
  const { payload, reject } = await connection.nextOf("conflict:resolve");
  assert.deepEqual(payload, { conflictId: "c1", resolution: "custom", data: { title: "both" } });
  reject(new HubbubError({ code: "invalid", message: "It is too long." }));
  await assert.rejects(refused, /too long/u);
  assert.deepEqual(ids(store), ["c1"]);

  const done = store.resolve("c1", "remote");
  (await connection.nextOf("conflict:resolve")).resolve({});
  await done;
  assert.deepEqual(ids(store), []);
});
