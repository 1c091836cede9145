import assert from "node:assert/strict";
import { test } from "node:test";

import { Presence } from "../../static/client/presence.js";
import { settled, surroundings, until } from "./scripted.mjs";

const presenceOf = (userId, status, more = {}) => ({
  userId,
  isOnline: status !== "offline",
  status,
  lastSeenAt: "2026-11-21T01:02:03.456Z",
  currentPage: null,
  activity: null,
  user: { id: userId, name: userId },
  ...more,
});

function people(settings) {
  const hubbub = surroundings(settings);
  return { ...hubbub, presence: new Presence(hubbub) };
}

const subscribed = (channel) => ({ channel, seq: 0, recovered: true, events: [] });

/** Watch people, and answer what is asked about them. */
async function watch({ connection, presence }, ids, statuses) {
  const ends = ids.map((id) => presence.of(id).subscribe(() => {}));
  for (const id of ids) {
    const { payload, resolve } = await connection.nextOf("channel:subscribe");
    assert.equal(payload.channel, `presence:${id}`);
    resolve(subscribed(payload.channel));
  }
  const { payload, resolve } = await connection.nextOf("presence:get");
  assert.deepEqual(payload, { ids });
  resolve({ presence: ids.map((id, at) => presenceOf(id, statuses[at])), hasMore: false });
  await settled();
  return ends;
}

test("people who are watched are heard of one by one and asked for at once", async () => {
  const all = people();
  await watch(all, ["bo", "cy"], ["online", "offline"]);
  assert.equal(all.presence.of("bo").getSnapshot().status, "online");
  assert.equal(all.presence.of("cy").getSnapshot().status, "offline");
  all.connection.deliver({ event: "presence:changed", channel: "presence:cy", data: presenceOf("cy", "away", { activity: "reading" }) });
  assert.deepEqual(all.presence.of("cy").getSnapshot(), {
    status: "away",
    lastSeenAt: "2026-11-21T01:02:03.456Z",
    currentPage: null,
    activity: "reading",
  });
});

test("several watchers of one person share a subscription, which ends with the last of them", async () => {
  const all = people();
  const [first] = await watch(all, ["bo"], ["online"]);
  const second = all.presence.of("bo").subscribe(() => {});
  first();
  await settled();
  assert.equal(all.connection.calls.length, 0);
  second();
  const { payload } = await all.connection.nextOf("channel:unsubscribe");
  assert.deepEqual(payload, { channel: "presence:bo" });
  assert.equal(all.presence.of("bo").getSnapshot().status, null);
});

test("who is left and watched again in one moment stays subscribed and known", async () => {
  const all = people({ presenceDelayMs: 20 });
  const [first] = await watch(all, ["bo"], ["online"]);
  first();
  all.presence.of("bo").subscribe(() => {});
  const marker = all.presence.of("cy").subscribe(() => {});
  const { payload } = await all.connection.nextOf("channel:subscribe");
  assert.equal(payload.channel, "presence:cy");
  assert.equal(all.connection.calls.length, 0);
  assert.equal(all.presence.of("bo").getSnapshot().status, "online");
  marker();
});

test("many people are heard of on the channel of everyone, and few one by one again", async () => {
  const all = people({ presenceChannels: 2 });
  const [first] = await watch(all, ["bo", "cy"], ["online", "online"]);
  const third = all.presence.of("di").subscribe(() => {});
  const everyone = await all.connection.nextOf("channel:subscribe");
  assert.equal(everyone.payload.channel, "presence");
  const left = [await all.connection.nextOf("channel:unsubscribe"), await all.connection.nextOf("channel:unsubscribe")];
  assert.deepEqual(left.map(({ payload }) => payload.channel).sort(), ["presence:bo", "presence:cy"]);
  everyone.resolve(subscribed("presence"));
  const asked = await all.connection.nextOf("presence:get");
  assert.deepEqual(asked.payload.ids.sort(), ["bo", "cy", "di"]);
  asked.resolve({ presence: [presenceOf("bo", "online"), presenceOf("cy", "online")], hasMore: false });
  await settled();
  assert.equal(all.presence.of("di").getSnapshot().status, "offline");
  const changes = [presenceOf("di", "online"), presenceOf("nobody-watches", "online")];
  all.connection.deliver({ event: "presence:changed", channel: "presence", data: { changes } });
  assert.equal(all.presence.of("di").getSnapshot().status, "online");
  first();
  third();
  const { payload } = await all.connection.nextOf("channel:subscribe");
  assert.equal(payload.channel, "presence:cy");
});

test("a signal that overtakes an answer is not undone by it", async () => {
  const { connection, presence } = people();
  presence.of("bo").subscribe(() => {});
  (await connection.nextOf("channel:subscribe")).resolve(subscribed("presence:bo"));
  const { resolve } = await connection.nextOf("presence:get");
  connection.deliver({ event: "presence:changed", channel: "presence:bo", data: presenceOf("bo", "offline") });
  resolve({ presence: [presenceOf("bo", "online")], hasMore: false });
  await settled();
  assert.equal(presence.of("bo").getSnapshot().status, "offline");
});

test("after a reconnect everyone who is watched is asked for anew", async () => {
  const all = people();
  await watch(all, ["bo"], ["online"]);
  all.connection.lose();
  assert.equal(all.presence.of("bo").getSnapshot().status, "online");
  all.connection.regain();
  (await all.connection.nextOf("channel:subscribe")).resolve(subscribed("presence:bo"));
  (await all.connection.nextOf("presence:get")).resolve({ presence: [presenceOf("bo", "offline")], hasMore: false });
  await until(all.presence.of("bo"), ({ status }) => status === "offline");
});

test("without a connection for long nothing is known of anyone", async () => {
  const all = people();
  await watch(all, ["bo"], ["online"]);
  all.connection.lose("offline");
  assert.equal(all.presence.of("bo").getSnapshot().status, null);
});

test("a great many are asked for in several calls", async () => {
  const all = people({ presenceChannels: 0, presencePage: 2 });
  for (const id of ["bo", "cy", "di"]) all.presence.of(id).subscribe(() => {});
  (await all.connection.nextOf("channel:subscribe")).resolve(subscribed("presence"));
  const first = await all.connection.nextOf("presence:get");
  assert.deepEqual(first.payload.ids, ["bo", "cy"]);
  first.resolve({ presence: [], hasMore: false });
  const second = await all.connection.nextOf("presence:get");
  assert.deepEqual(second.payload.ids, ["di"]);
});
