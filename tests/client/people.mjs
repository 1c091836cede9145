/**
 * Two people, one of them in two tabs, on different workers: the client's stores of presence, viewers
 * and notifications come to show the same everywhere, although connections are cut again and again.
 *
 * node people.mjs '{"urls": [a, b], "tokens": [ada, bo], "apiKey": …, "count": 30}'
 */
import assert from "node:assert/strict";
import { createRequire } from "node:module";

import { Hubbub, currentSession } from "../../static/client/index.js";
import { until } from "./scripted.mjs";

const requireInStatic = createRequire(new URL("../../static/package.json", import.meta.url));
const { io } = requireInStatic("socket.io-client");
const { urls, tokens, apiKey, count } = JSON.parse(process.argv[2]);

async function tab(url, token) {
  const session = await currentSession({ url, token });
  const sockets = [];
  const remembered = (...options) => {
    sockets.push(io(...options));
    return sockets[0];
  };
  const settings = { retryDelayMs: 40, retryDelayMaxMs: 400, notificationPage: 10, hiddenAfterMs: 0 };
  const hubbub = new Hubbub({ io: remembered, url, session, settings });
  hubbub.onProblem((error) => assert.fail(error));
  hubbub.open();
  await until(hubbub.notifications, ({ status }) => status === "ready");
  return { hubbub, cut: () => sockets[0].io.engine?.close() };
}

async function notify(userId, body) {
  const response = await fetch(`${urls[0]}/api/notifications`, {
    method: "POST",
    headers: { "Content-Type": "application/json", Authorization: `Bearer ${apiKey}` },
    body: JSON.stringify({ userIds: [userId], message: "Text", type: "SYSTEM", ...body }),
  });
  assert.equal(response.status, 201, await response.text());
}

const [one, two, bo] = await Promise.all([tab(urls[0], tokens[0]), tab(urls[1], tokens[0]), tab(urls[1], tokens[1])]);
const ada = one.hubbub.me.id;

// Presence: the most active of somebody's tabs shows, on every worker.
const seen = bo.hubbub.presence.of(ada);
const other = one.hubbub.presence.of(bo.hubbub.me.id);
const keep = [seen.subscribe(() => {}), other.subscribe(() => {})];
await until(seen, ({ status }) => status === "online");
await until(other, ({ status }) => status === "online");
bo.hubbub.presence.me.tell({ currentPage: "/trips/lisbon", activity: "reading" });
await until(other, ({ currentPage, activity }) => currentPage === "/trips/lisbon" && activity === "reading");
bo.hubbub.presence.me.hide(true);
await until(other, ({ status }) => status === "away");
bo.hubbub.presence.me.hide(false);
await until(other, ({ status }) => status === "online");

// Viewers: people, not tabs; the same number for all of them.
const trips = [one, two, bo].map(({ hubbub }) => hubbub.viewers("trip", "lisbon"));
keep.push(...trips.map((trip) => trip.subscribe(() => {})));
for (const trip of trips) {
  const { viewers } = await until(trip, (view) => view.count === 2);
  assert.deepEqual(viewers.map(({ id }) => id).sort(), [ada, bo.hubbub.me.id].sort());
}

// Notifications: both tabs read and delete while their connections are cut.
const news = [[], []];
const heardAll = [one, two].map(
  ({ hubbub }, at) =>
    new Promise((resolve) => {
      hubbub.notifications.onCreated((each) => news[at].push(each.notification.title) === count && resolve());
    }),
);
const act = async (work) => {
  try {
    await work();
  } catch (error) {
    // Not connected, or the other tab has deleted it.
    assert.ok(error.retryable || error.code === "not_found", error);
  }
};
for (let number = 1; number <= count; number++) {
  await notify(ada, { title: `Number ${number}` });
  const { hubbub, cut } = [one, two][number % 2];
  const [first] = hubbub.notifications.getSnapshot().notifications;
  if (first && number % 3 === 1) await act(() => hubbub.notifications.read([first.id]));
  if (first && number % 5 === 2) await act(() => hubbub.notifications.delete([first.id]));
  if (number === 12) await act(() => hubbub.notifications.readAll());
  if (number % 4 === 3) cut();
}
const titles = Array.from({ length: count }, (_, at) => `Number ${at + 1}`);
for (const [at, { hubbub }] of [one, two].entries()) {
  await until(hubbub.connection, ({ status }) => status === "live");
  await heardAll[at];
  assert.deepEqual(news[at], titles, "each is heard of once, in order");
}
const stored = await one.hubbub.connection.call("notification:list", { limit: 100 });
for (const { hubbub } of [one, two]) {
  while (hubbub.notifications.getSnapshot().hasMore) await hubbub.notifications.loadMore();
  const shown = await until(hubbub.notifications, ({ unreadCount, notifications }) =>
    unreadCount === stored.unreadCount && notifications.length === stored.notifications.length);
  assert.deepEqual(shown.notifications, stored.notifications);
  assert.equal(stored.notifications.filter(({ isRead }) => !isRead).length, stored.unreadCount);
}

// Who leaves is gone, and since when.
bo.hubbub.close();
const { lastSeenAt } = await until(other, ({ status }) => status === "offline");
assert.ok(Math.abs(Date.now() - Date.parse(lastSeenAt)) < 60_000, lastSeenAt);
await until(trips[0], (view) => view.count === 1);
keep.forEach((end) => end());
one.hubbub.close();
two.hubbub.close();
