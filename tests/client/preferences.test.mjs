import assert from "node:assert/strict";
import { test } from "node:test";

import { HubbubError } from "../../static/client/errors.js";
import { Preferences } from "../../static/client/preferences.js";
import { ScriptedConnection, settled } from "./scripted.mjs";

const stored = (more = {}) => ({
  types: { TOUR: { inApp: true, push: true }, SYSTEM: { inApp: true, push: true } },
  quietHours: null,
  mutedRooms: [],
  ...more,
});

async function preferences(first = stored()) {
  const connection = new ScriptedConnection();
  const store = new Preferences(connection);
  const loaded = store.load();
  (await connection.next()).resolve(first);
  await loaded;
  return { connection, store };
}

test("a change of one way of one type shows at once and leaves the rest", async () => {
  const { connection, store } = await preferences();
  const done = store.save({ types: { TOUR: { push: false } } });
  assert.deepEqual(store.getSnapshot().preferences.types, {
    TOUR: { inApp: true, push: false },
    SYSTEM: { inApp: true, push: true },
  });
  const { action, payload, resolve } = await connection.next();
  assert.equal(action, "notification:preferences");
  assert.deepEqual(payload, { types: { TOUR: { push: false } } });
  resolve(stored({ types: { TOUR: { inApp: true, push: false }, SYSTEM: { inApp: true, push: true } } }));
  await done;
  assert.equal(store.getSnapshot().preferences.types.TOUR.push, false);
});

test("what the server refuses is taken back, and what was changed beside it stays", async () => {
  const { connection, store } = await preferences();
  const refused = store.save({ quietHours: { start: "22:00", end: "07:00", timeZone: "Mars/Olympus" } });
  const muted = store.mute("r1", true);
  const refusal = new HubbubError({ code: "invalid", message: "The payload is invalid." });
  (await connection.next()).reject(refusal);
  await assert.rejects(refused, refusal);
  assert.equal(store.getSnapshot().preferences.quietHours, null);
  assert.deepEqual(store.getSnapshot().preferences.mutedRooms, ["r1"]);
  const { payload, resolve } = await connection.next();
  assert.deepEqual(payload, { mutedRooms: ["r1"] });
  resolve(stored({ mutedRooms: ["r1"] }));
  await muted;
});

test("changes go out one after the other, as they were made", async () => {
  const { connection, store } = await preferences();
  const done = [store.mute("r1", true), store.mute("r2", true), store.mute("r1", false)];
  await settled();
  for (const wanted of [["r1"], ["r1", "r2"], ["r2"]]) {
    const { payload, resolve } = await connection.next();
    assert.deepEqual(payload.mutedRooms, wanted);
    assert.equal(connection.calls.length, 0);
    resolve(stored(payload));
  }
  await Promise.all(done);
  assert.deepEqual(store.getSnapshot().preferences.mutedRooms, ["r2"]);
});
