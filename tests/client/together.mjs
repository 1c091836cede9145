/**
 * Two people and a moderator, on different workers: the client's stores of comments, likes, saves, ratings, stories, posts and
 * the moderators' queue come to show the same everywhere, although connections are cut again and again.
 *
 * node together.mjs '{"urls": [a, b], "tokens": [ada, bo, mo], "count": 18}'
 */
import assert from "node:assert/strict";
import { createRequire } from "node:module";

import { Hubbub, currentSession } from "../../static/client/index.js";
import { until } from "./scripted.mjs";

const requireInStatic = createRequire(new URL("../../static/package.json", import.meta.url));
const { io } = requireInStatic("socket.io-client");
const { urls, tokens, count } = JSON.parse(process.argv[2]);

async function person(url, token) {
  const session = await currentSession({ url, token });
  const sockets = [];
  const remembered = (...options) => {
    sockets.push(io(...options));
    return sockets[0];
  };
  const settings = { retryDelayMs: 40, retryDelayMaxMs: 400, commentPage: 10, storyPage: 5, postPage: 5, moderationPage: 5 };
  const hubbub = new Hubbub({ io: remembered, url, session, settings });
  hubbub.onProblem((error) => assert.fail(error));
  hubbub.open();
  await until(hubbub.connection, ({ status }) => status === "live");
  return { hubbub, cut: () => sockets[0].io.engine?.close() };
}

/** Try until it is done: a connection that is cut refuses what is not sent again by itself. */
async function persist(hubbub, work) {
  for (;;) {
    await until(hubbub.connection, ({ status }) => status === "live");
    try {
      return await work();
    } catch (error) {
      assert.ok(error.retryable, error);
    }
  }
}

/** All that a list holds, page by page. */
async function all(hubbub, list) {
  await until(list, ({ status }) => status === "ready");
  while (list.getSnapshot().hasMore) await persist(hubbub, () => list.loadMore());
  return list.getSnapshot().items;
}

const [ada, bo, mo] = await Promise.all(tokens.map((token, at) => person(urls[at % urls.length], token)));
const people = [ada, bo];
const keep = [];
const watch = (store) => keep.push(store.subscribe(() => {}));

// A trip: both comment, answer, like, save and rate while their connections are cut.
const trips = people.map(({ hubbub }) => hubbub.entity("trip", "together"));
for (const { comments, likes, saves, rating } of trips) [comments, likes, saves, rating].forEach(watch);
for (const { comments } of trips) await until(comments, ({ status }) => status === "ready");
for (let number = 1; number <= count; number++) {
  trips.forEach(({ comments }, at) => {
    const [first] = comments.getSnapshot().items;
    comments.send(`${at} ${number}`, number % 2 ? null : first?.id);
  });
  const at = number % 2;
  if (number % 3 === 0) people[at].cut();
  await persist(people[at].hubbub, () => trips[at].likes.set(number % 4 < 2));
  await persist(people[at].hubbub, () => trips[at].saves.set(number % 5 < 3));
  await persist(people[at].hubbub, () => trips[at].rating.set((number % 5) + 1));
}
for (const { comments } of trips) {
  await until(comments, (view) => view.pending.length === 0 && view.count === 2 * count);
}
const { comments: stored } = await persist(ada.hubbub, () =>
  ada.hubbub.connection.call("comment:list", { type: "trip", id: "together", limit: 100 }));
assert.equal(stored.length, 2 * count);
for (const [at, { comments }] of trips.entries()) {
  const shown = (await all(people[at].hubbub, comments)).map(({ id, body }) => [id, body]);
  assert.deepEqual(shown, stored.map(({ id, body }) => [id, body]), "the same comments in the same order");
}
for (const name of ["likes", "saves", "rating"]) {
  const action = { likes: "like:get", saves: "save:get", rating: "rating:get" }[name];
  const { count: total, averageRating } = await persist(bo.hubbub, () =>
    bo.hubbub.connection.call(action, { type: "trip", id: "together" }));
  for (const trip of trips) await until(trip[name], (view) => view.count === total && view.averageRating === averageRating);
}

// Stories: what Ada publishes while Bo is cut off waits for him, and what she takes back is gone.
const { stories } = bo.hubbub;
[stories, ada.hubbub.stories].forEach(watch);
await until(bo.hubbub.community, ({ isConnected }) => isConnected);
const written = [];
for (let number = 1; number <= 8; number++) {
  if (number % 2) bo.cut();
  written.push(await ada.hubbub.stories.create({ title: `Story ${number}`, body: "Text", visibility: "public" }));
}
await until(stories, ({ waiting }) => waiting.length === written.length);
await persist(bo.hubbub, () => stories.showWaiting());
const titles = (items) => items.filter(({ authorId }) => authorId === ada.hubbub.me.id).map(({ title }) => title);
assert.deepEqual(titles(stories.getSnapshot().items), written.map(({ title }) => title).reverse());
bo.cut();
await ada.hubbub.stories.setVisibility(written[2].id, "private");
await until(stories, ({ items }) => !items.some(({ id }) => id === written[2].id));
await ada.hubbub.stories.setVisibility(written[2].id, "public");
await until(stories, ({ waiting }) => waiting.length === 1);
await persist(bo.hubbub, () => stories.showWaiting());
assert.equal(titles(stories.getSnapshot().items)[0], "Story 3", "what is published again stands first");

const [first] = written;
const posts = people.map(({ hubbub }) => hubbub.posts(first.id));
posts.forEach(watch);
for (const store of posts) await until(store, ({ status }) => status === "ready");
for (let number = 1; number <= 7; number++) {
  if (number % 3 === 0) ada.cut();
  await persist(bo.hubbub, () => posts[1].create({ title: `Post ${number}`, type: "question" }));
}
await until(posts[0], ({ items }) => items[0]?.title === "Post 7");
const shownPosts = (await all(ada.hubbub, posts[0])).map(({ title }) => title);
assert.deepEqual(shownPosts, [7, 6, 5, 4, 3, 2, 1].map((number) => `Post ${number}`), "without a hole");

// The queue: what people report, and what is decided, while the moderator is cut off.
const queue = mo.hubbub.moderation;
watch(queue);
const { pendingCount: before } = await until(queue, ({ status }) => status === "ready");
const reported = stored.slice(0, 6);
for (const [at, { id, userId }] of reported.entries()) {
  if (at % 2) mo.cut();
  const other = userId === ada.hubbub.me.id ? 1 : 0;
  await persist(people[other].hubbub, () => trips[other].comments.flag(id, "Not nice"));
}
await until(queue, ({ pendingCount }) => pendingCount === before + reported.length);
for (const [at, { id }] of reported.entries()) {
  const item = await persist(mo.hubbub, async () => (await all(mo.hubbub, queue)).find(({ subjectId }) => subjectId === id));
  if (at % 2) await persist(mo.hubbub, () => queue.decide(item.id, "reject", "Indeed"));
}
await until(queue, ({ pendingCount }) => pendingCount === before + 3);
for (const { comments } of trips) {
  await until(comments, (view) => view.count === 2 * count - 3 && !view.items.some(({ id }) => id === reported[1].id));
}
keep.forEach((end) => end());
[ada, bo, mo].forEach(({ hubbub }) => hubbub.close());
