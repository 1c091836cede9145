import assert from "node:assert/strict";
import { test } from "node:test";

import { newSortableId } from "../../static/client/ids.js";
import { Kept } from "../../static/client/kept.js";
import { memoryStorage } from "../../static/client/storage.js";
import { settled, surroundings } from "./scripted.mjs";

/** A storage whose writes wait until the test lets them through. */
function slow() {
  const storage = memoryStorage();
  const waiting = [];
  const later = (work) => new Promise((resolve) => waiting.push(() => resolve(work())));
  const wrote = [];
  return {
    ...storage,
    set: (key, value) => later(() => wrote.push(value) && storage.set(key, value)),
    delete: (key) => later(() => wrote.push("deleted") && storage.delete(key)),
    wrote,
    async write() {
      await settled();
      waiting.shift()();
      await settled();
    },
  };
}

test("while one value is written, of those that follow only the newest is", async () => {
  const storage = slow();
  const kept = new Kept({ ...surroundings(), storage }, "edits");
  const done = [];
  for (const value of [1, 2, 3]) {
    kept.put("d1", value).then(() => done.push(value));
    await settled();
  }
  await storage.write();
  assert.deepEqual([storage.wrote, done], [[1], [1]]);
  await storage.write();
  assert.deepEqual([storage.wrote, done], [[1, 3], [1, 2, 3]], "an older one is as good as kept when a newer one is");
});

test("what is dropped while it waits to be written is not there afterwards", async () => {
  const storage = slow();
  const kept = new Kept({ ...surroundings(), storage }, "edits");
  void kept.put("d1", 1);
  await settled();
  void kept.put("d1", 2);
  kept.drop("d1");
  await storage.write();
  await storage.write();
  assert.deepEqual(storage.wrote, [1, "deleted"]);
  assert.deepEqual(await storage.entries(""), []);
});

test("ids of new records sort by their creation, and look like the server's", () => {
  const ids = Array.from({ length: 5_000 }, newSortableId);
  assert.deepEqual([...ids].sort(), ids);
  assert.equal(new Set(ids).size, ids.length);
  for (const id of ids) assert.match(id, /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/u);
});
