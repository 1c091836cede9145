import assert from "node:assert/strict";
import { test } from "node:test";

import { HubbubError } from "../../static/client/errors.js";
import { Saved } from "../../static/client/saved.js";
import { surroundings, until } from "./scripted.mjs";

const save = (id, entityId) => ({ id, entityType: "trip", entityId, createdAt: "2026-11-21T01:02:03.456Z" });
const ids = (saved) => saved.getSnapshot().items.map(({ id }) => id);

async function watched(saves) {
  const { connection, ...hubbub } = surroundings({ savedPage: 2 });
  const saved = new Saved({ connection, ...hubbub });
  const end = saved.subscribe(() => {});
  const { payload, resolve } = await connection.nextOf("save:list");
  assert.deepEqual(payload, { limit: 2 });
  resolve({ saves, hasMore: true });
  await until(saved, ({ status }) => status === "ready");
  return { connection, saved, end };
}

test("it is loaded when it is looked at, page by page, and again after a reconnect", async () => {
  const { connection, saved, end } = await watched([save("s9", "lisbon"), save("s8", "kyoto")]);
  const more = saved.loadMore();
  const page = await connection.nextOf("save:list");
  assert.equal(page.payload.before, "s8");
  page.resolve({ saves: [save("s7", "patagonia")], hasMore: false });
  await more;
  assert.deepEqual(ids(saved), ["s9", "s8", "s7"]);
  connection.lose();
  connection.regain();
  (await connection.nextOf("save:list")).resolve({ saves: [save("s7", "patagonia")], hasMore: false });
  await until(saved, ({ items }) => items.length === 1);
  end();
  connection.lose();
  connection.regain();
  assert.deepEqual(connection.calls, [], "nobody looks");
});

test("what is let go leaves at once and comes back when the server refuses", async () => {
  const { connection, saved } = await watched([save("s9", "lisbon"), save("s8", "kyoto")]);
  const refused = saved.unsave(saved.getSnapshot().items[0]);
  assert.deepEqual(ids(saved), ["s8"]);
  const { payload, reject } = await connection.nextOf("save:set");
  assert.deepEqual(payload, { type: "trip", id: "lisbon", saved: false });
  reject(new HubbubError({ code: "forbidden", message: "No." }));
  await assert.rejects(refused);
  assert.deepEqual(ids(saved), ["s9", "s8"]);
  const done = saved.unsave(saved.getSnapshot().items[0]);
  (await connection.nextOf("save:set")).resolve({ saved: false, count: 0 });
  await done;
  assert.deepEqual(ids(saved), ["s8"]);
});
