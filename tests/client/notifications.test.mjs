import assert from "node:assert/strict";
import { test } from "node:test";

import { HubbubError } from "../../static/client/errors.js";
import { Notifications } from "../../static/client/notifications.js";
import { settled, surroundings } from "./scripted.mjs";

const notification = (number, more = {}) => ({
  id: `n${String(number).padStart(4, "0")}`,
  title: `Title ${number}`,
  message: `Text ${number}`,
  type: "SYSTEM",
  level: "info",
  isRead: false,
  link: null,
  data: {},
  count: 1,
  createdAt: "2026-11-21T01:02:03.456Z",
  ...more,
});

const page = (unreadCount, ...notifications) => ({ notifications, unreadCount, hasMore: false });
const CHANNEL = "user:ada";

/** An inbox that has loaded its first page. */
async function inbox(first, settings) {
  const hubbub = surroundings(settings);
  const { connection } = hubbub;
  const store = new Notifications(hubbub);
  (await connection.nextOf("channel:subscribe")).resolve({ channel: CHANNEL, seq: 10, recovered: true, events: [] });
  const { payload, resolve } = await connection.nextOf("notification:list");
  assert.equal(payload.before, undefined);
  resolve(first);
  await settled();
  let seq = 10;
  const event = (name, data) => connection.deliver({ event: name, channel: CHANNEL, seq: ++seq, data });
  return { ...hubbub, store, event };
}

const ids = (store) => store.getSnapshot().notifications.map(({ id }) => id);
const unread = (store) => store.getSnapshot().unreadCount;
const refusal = new HubbubError({ code: "internal", message: "A defect." });

test("the first page is there from the start, and what comes stands above it", async () => {
  const { store, event } = await inbox(page(1, notification(1)));
  const news = [];
  store.onCreated((each) => news.push(each));
  event("notification:created", { notification: notification(2), unreadCount: 2 });
  assert.deepEqual(ids(store), ["n0002", "n0001"]);
  assert.equal(unread(store), 2);
  assert.deepEqual(news.map(({ notification: { id } }) => id), ["n0002"]);
});

test("a notification that was renewed moves to the top and stands there once", async () => {
  const { store, event } = await inbox(page(2, notification(2), notification(1)));
  event("notification:created", { notification: notification(1, { count: 2, title: "Newer" }), unreadCount: 2 });
  assert.deepEqual(ids(store), ["n0001", "n0002"]);
  assert.equal(store.getSnapshot().notifications[0].title, "Newer");
  assert.equal(unread(store), 2);
});

test("the count is the absolute one of the newest event, whatever was counted here", async () => {
  const { store, event } = await inbox(page(50, notification(1)));
  event("notification:read", { ids: ["not-loaded"], unreadCount: 7 });
  assert.equal(unread(store), 7);
  event("notification:deleted", { ids: ["n0001"], unreadCount: 6 });
  assert.equal(unread(store), 6);
  assert.deepEqual(ids(store), []);
});

test("another tab reads one, marks it unread, reads all and deletes all: this one is in step", async () => {
  const { store, event } = await inbox(page(2, notification(2), notification(1)));
  event("notification:read", { ids: ["n0001"], isRead: true, unreadCount: 1 });
  assert.deepEqual(store.getSnapshot().notifications.map(({ isRead }) => isRead), [false, true]);
  event("notification:read", { ids: ["n0001"], isRead: false, unreadCount: 2 });
  assert.equal(unread(store), 2);
  event("notification:read", { all: true, unreadCount: 0 });
  assert.deepEqual(store.getSnapshot().notifications.map(({ isRead }) => isRead), [true, true]);
  event("notification:deleted", { all: true, unreadCount: 0 });
  assert.deepEqual(ids(store), []);
});

test("reading shows at once and is kept when the server has it, whichever of answer and event comes first", async () => {
  for (const eventFirst of [true, false]) {
    const { store, event, connection } = await inbox(page(5, notification(2), notification(1)));
    const done = store.read(["n0001"]);
    assert.equal(unread(store), 4);
    const { payload, resolve } = await connection.nextOf("notification:read");
    assert.deepEqual(payload, { ids: ["n0001"], isRead: true });
    const counts = [];
    const end = store.subscribe(() => counts.push(unread(store)));
    if (eventFirst) event("notification:read", { ids: ["n0001"], unreadCount: 4 });
    resolve({ unreadCount: 4 });
    await done;
    if (!eventFirst) event("notification:read", { ids: ["n0001"], unreadCount: 4 });
    end();
    assert.ok(counts.every((count) => count === 4), `never another number: ${counts}`);
    assert.equal(unread(store), 4);
    assert.deepEqual(store.getSnapshot().notifications.map(({ isRead }) => isRead), [false, true]);
  }
});

test("what the server refuses is taken back", async () => {
  const { store, connection } = await inbox(page(2, notification(2), notification(1)));
  for (const [act, action] of [
    [() => store.read(["n0001"]), "notification:read"],
    [() => store.readAll(), "notification:read"],
    [() => store.delete(["n0002"]), "notification:delete"],
    [() => store.deleteAll(), "notification:delete"],
  ]) {
    const before = store.getSnapshot();
    const done = act();
    assert.notEqual(unread(store), 2);
    (await connection.nextOf(action)).reject(refusal);
    await assert.rejects(done, refusal);
    assert.deepEqual(store.getSnapshot(), before);
  }
});

test("one that comes behind 'read all' stays unread, also when the answer comes last", async () => {
  const { store, event, connection } = await inbox(page(1, notification(1)));
  const done = store.readAll();
  const { resolve } = await connection.nextOf("notification:read");
  event("notification:read", { all: true, unreadCount: 0 });
  event("notification:created", { notification: notification(2), unreadCount: 1 });
  assert.equal(unread(store), 1);
  resolve({ unreadCount: 0 });
  await done;
  assert.equal(unread(store), 1);
  assert.deepEqual(store.getSnapshot().notifications.map(({ isRead }) => isRead), [false, true]);
});

test("one that comes behind 'delete all' stays", async () => {
  const { store, event, connection } = await inbox(page(1, notification(1)));
  const done = store.deleteAll();
  const { resolve } = await connection.nextOf("notification:delete");
  event("notification:deleted", { all: true, unreadCount: 0 });
  event("notification:created", { notification: notification(2), unreadCount: 1 });
  resolve({});
  await done;
  assert.deepEqual(ids(store), ["n0002"]);
});

test("a filter is asked of the server and held to by what comes and changes", async () => {
  const { store, event, connection } = await inbox(page(3, notification(3)));
  void store.show({ type: "BOOKING", unread: true });
  const { payload, resolve } = await connection.nextOf("notification:list");
  assert.deepEqual([payload.type, payload.unread], ["BOOKING", true]);
  assert.equal(store.getSnapshot().status, "loading");
  event("notification:created", { notification: notification(4, { type: "BOOKING" }), unreadCount: 4 });
  resolve(page(3, notification(2, { type: "BOOKING" })));
  await settled();
  assert.deepEqual(ids(store), ["n0004", "n0002"]);
  event("notification:created", { notification: notification(5, { type: "TOUR" }), unreadCount: 5 });
  assert.deepEqual(ids(store), ["n0004", "n0002"]);
  assert.equal(unread(store), 5);
  event("notification:read", { ids: ["n0002"], unreadCount: 4 });
  assert.deepEqual(ids(store), ["n0004"]);
});

test("in the list of unread ones, one that is unread again elsewhere is fetched", async () => {
  const { store, event, connection } = await inbox(page(0));
  void store.show({ unread: true });
  (await connection.nextOf("notification:list")).resolve(page(0));
  await settled();
  event("notification:read", { ids: ["n0001"], isRead: false, unreadCount: 1 });
  (await connection.nextOf("notification:list")).resolve(page(1, notification(1)));
  await settled();
  assert.deepEqual(ids(store), ["n0001"]);
});

test("more pages are added below, while events wait", async () => {
  const { store, event, connection } = await inbox({ ...page(9, notification(9), notification(8)), hasMore: true });
  const loading = store.loadMore();
  const { payload, resolve } = await connection.nextOf("notification:list");
  assert.equal(payload.before, "n0008");
  event("notification:created", { notification: notification(10), unreadCount: 10 });
  resolve(page(9, notification(7)));
  await loading;
  assert.deepEqual(ids(store), ["n0010", "n0009", "n0008", "n0007"]);
  assert.equal(unread(store), 10);
  assert.equal(store.getSnapshot().hasMore, false);
});

test("the list is bounded, and what fell out can be loaded again", async () => {
  const { store, event } = await inbox(page(0), { notificationWindow: 3 });
  for (let number = 1; number <= 5; number++) {
    event("notification:created", { notification: notification(number), unreadCount: number });
  }
  assert.deepEqual(ids(store), ["n0005", "n0004", "n0003"]);
  assert.equal(store.getSnapshot().hasMore, true);
});

test("when the log does not reach back, the list is loaded anew", async () => {
  const { store, connection } = await inbox(page(1, notification(1)));
  connection.lose();
  connection.regain();
  const { payload, resolve } = await connection.nextOf("channel:subscribe");
  assert.equal(payload.after, 10);
  resolve({ channel: CHANNEL, seq: 5000, recovered: false, events: [] });
  (await connection.nextOf("notification:list")).resolve(page(2, notification(3), notification(2)));
  await settled();
  assert.deepEqual(ids(store), ["n0003", "n0002"]);
  assert.equal(unread(store), 2);
});

test("a filter chosen without a connection is loaded when there is one again", async () => {
  const { store, connection } = await inbox(page(1, notification(1)));
  const shown = store.show({ unread: true });
  (await connection.nextOf("notification:list")).reject(refusal);
  await assert.rejects(shown, refusal);
  const again = store.show({ type: "TOUR" });
  await settled();
  connection.lose();
  await again;
  assert.equal(store.getSnapshot().status, "loading");
  connection.regain();
  const { payload, resolve } = await connection.nextOf("notification:list");
  assert.equal(payload.type, "TOUR");
  resolve(page(1, notification(2, { type: "TOUR" })));
  await settled();
  assert.deepEqual(ids(store), ["n0002"]);
});

test("a server without notifications keeps the user's channel going", async () => {
  const hubbub = surroundings();
  const store = new Notifications(hubbub);
  (await hubbub.connection.nextOf("channel:subscribe")).resolve({ channel: CHANNEL, seq: 1, recovered: true, events: [] });
  const unknown = new HubbubError({ code: "not_found", message: "There is no action notification:list." });
  (await hubbub.connection.nextOf("notification:list")).reject(unknown);
  await settled();
  hubbub.connection.deliver({ event: "notification:created", channel: CHANNEL, seq: 2, data: { notification: notification(1), unreadCount: 1 } });
  assert.deepEqual(hubbub.reported, [unknown]);
  assert.equal(unread(store), 1);
});
