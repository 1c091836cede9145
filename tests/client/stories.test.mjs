import assert from "node:assert/strict";
import { test } from "node:test";

import { Community } from "../../static/client/community.js";
import { HubbubError } from "../../static/client/errors.js";
import { Posts } from "../../static/client/posts.js";
import { Stories } from "../../static/client/stories.js";
import { Story } from "../../static/client/story.js";
import { settled, surroundings, until } from "./scripted.mjs";

const story = (id, more = {}) => ({ id, title: `Story ${id}`, authorId: "bo", visibility: "public", ...more });
const ids = (store) => store.getSnapshot().items.map(({ id }) => id);

async function watched(t, make, action, plural, items) {
  const hubbub = surroundings();
  const { connection } = hubbub;
  const store = make(hubbub, new Community(hubbub, {}));
  t.after(store.subscribe(() => {}));
  (await connection.nextOf("channel:subscribe")).resolve({ channel: "community", seq: 0, recovered: true, events: [] });
  (await connection.nextOf(action)).resolve({ [plural]: items, hasMore: false });
  await until(store, ({ status }) => status === "ready");
  await settled();
  let seq = 0;
  const deliver = (event, data) => connection.deliver({ event, channel: "community", seq: ++seq, data });
  return { connection, store, deliver };
}

const stories = (t, items) => watched(t, (hubbub, community) => new Stories(hubbub, community), "story:list", "stories", items);
const published = (storyId, authorId = "bo") => ({ storyId, authorId, title: `Story ${storyId}`, genre: null });

test("what others publish waits until it is wanted, and is new then", async (t) => {
  const { connection, store, deliver } = await stories(t, [story("s1")]);
  deliver("story:published", published("s2"));
  deliver("story:published", published("s3"));
  assert.deepEqual(ids(store), ["s1"]);
  assert.deepEqual(store.getSnapshot().waiting.map(({ storyId }) => storyId), ["s3", "s2"]);
  const shown = store.showWaiting();
  for (let number = 0; number < 2; number++) {
    const { payload, resolve } = await connection.nextOf("story:get");
    resolve(story(payload.storyId));
  }
  await shown;
  assert.deepEqual(ids(store), ["s3", "s2", "s1"]);
  assert.deepEqual(store.getSnapshot().waiting, []);
  assert.deepEqual(store.getSnapshot().fresh.toSorted(), ["s2", "s3"]);
  store.seen();
  assert.deepEqual(store.getSnapshot().fresh, []);
});

test("a story that was begun long ago stands first when it is published", async (t) => {
  const { connection, store, deliver } = await stories(t, [story("s8"), story("s7")]);
  deliver("story:published", published("s2"));
  deliver("story:published", published("s1"));
  const shown = store.showWaiting();
  for (let number = 0; number < 2; number++) {
    const { payload, resolve } = await connection.nextOf("story:get");
    resolve(story(payload.storyId));
  }
  await shown;
  assert.deepEqual(ids(store), ["s1", "s2", "s8", "s7"]);
  deliver("story:published", published("s7"));
  (await connection.nextOf("story:get")).resolve(story("s7"));
  await settled();
  assert.deepEqual(ids(store), ["s7", "s1", "s2", "s8"], "as does one that is published again");
});

test("what is gone before it was looked at is no longer offered", async (t) => {
  const { connection, store, deliver } = await stories(t, []);
  deliver("story:published", published("s2"));
  deliver("story:published", published("s3"));
  deliver("story:deleted", { storyId: "s2" });
  assert.deepEqual(store.getSnapshot().waiting.map(({ storyId }) => storyId), ["s3"]);
  const shown = store.showWaiting();
  (await connection.nextOf("story:get")).reject(new HubbubError({ code: "not_found", message: "Gone." }));
  await shown;
  assert.deepEqual(store.getSnapshot(), { ...store.getSnapshot(), items: [], waiting: [], fresh: [] });
});

test("one's own and changed ones show at once; what becomes private goes", async (t) => {
  const { connection, store, deliver } = await stories(t, [story("s2"), story("s1")]);
  deliver("story:published", published("s3", "ada"));
  (await connection.nextOf("story:get")).resolve(story("s3", { authorId: "ada" }));
  deliver("story:updated", { storyId: "s1" });
  (await connection.nextOf("story:get")).resolve(story("s1", { title: "Better" }));
  await settled();
  assert.deepEqual(ids(store), ["s3", "s2", "s1"]);
  assert.equal(store.getSnapshot().items[2].title, "Better");
  deliver("story:deleted", { storyId: "s2" });
  assert.deepEqual(ids(store), ["s3", "s1"]);
});

test("a visibility that is refused is taken back", async (t) => {
  const { connection, store } = await stories(t, [story("s1", { visibility: "private" })]);
  const done = store.setVisibility("s1", "public");
  assert.equal(store.getSnapshot().items[0].visibility, "public");
  (await connection.nextOf("story:visibility")).reject(new HubbubError({ code: "forbidden", message: "No." }));
  await assert.rejects(done);
  assert.equal(store.getSnapshot().items[0].visibility, "private");
});

test("posts of the story come, change and go; those of others are not its business", async (t) => {
  const make = (hubbub, community) => new Posts(hubbub, community, "s1");
  const { connection, store, deliver } = await watched(t, make, "post:list", "posts", [story("p2"), story("p1")]);
  deliver("post:created", { postId: "x", storyId: "s9" });
  deliver("post:created", { postId: "p3", storyId: "s1" });
  (await connection.nextOf("post:list")).resolve({ posts: [story("p3"), story("p2")], hasMore: true });
  await settled();
  assert.deepEqual(ids(store), ["p3", "p2", "p1"]);
  deliver("post:updated", { postId: "p1", storyId: "s1" });
  const { payload, resolve } = await connection.nextOf("post:list");
  assert.deepEqual(payload, { storyId: "s1", before: "p2", limit: 1 });
  resolve({ posts: [story("p1", { title: "Better" })], hasMore: false });
  await settled();
  assert.equal(store.getSnapshot().items[2].title, "Better");
  deliver("post:deleted", { postId: "p2", storyId: "s1" });
  assert.deepEqual(ids(store), ["p3", "p1"]);
  assert.equal(connection.calls.length, 0);
});

test("what could not be loaded when the connection was cut is loaded when it is back", async (t) => {
  const { connection, store, deliver } = await stories(t, [story("s1")]);
  deliver("story:updated", { storyId: "s1" });
  const { reject } = await connection.nextOf("story:get");
  connection.lose();
  reject(new HubbubError({ code: "unavailable", message: "Lost." }));
  await settled();
  connection.regain();
  (await connection.nextOf("channel:subscribe")).resolve({ channel: "community", seq: 1, recovered: true, events: [] });
  (await connection.nextOf("story:list")).resolve({ stories: [story("s1", { title: "Better" })], hasMore: false });
  await until(store, ({ items }) => items[0].title === "Better");
});

test("posts of which the newest page shows no known one begin anew, without a hole", async (t) => {
  const make = (hubbub, community) => new Posts(hubbub, community, "s1");
  const { connection, store, deliver } = await watched(t, make, "post:list", "posts", [story("p1")]);
  deliver("post:created", { postId: "p2", storyId: "s1" });
  (await connection.nextOf("post:list")).resolve({ posts: [story("p9"), story("p8")], hasMore: true });
  await settled();
  assert.deepEqual(ids(store), ["p9", "p8"]);
  assert.equal(store.getSnapshot().hasMore, true);
});

test("one story is read, changes, and is gone when it is no longer for this reader", async (t) => {
  const hubbub = surroundings();
  const { connection } = hubbub;
  const store = new Story(hubbub, new Community(hubbub, {}), "s1");
  t.after(store.subscribe(() => {}));
  (await connection.nextOf("channel:subscribe")).resolve({ channel: "community", seq: 0, recovered: true, events: [] });
  (await connection.nextOf("story:get")).resolve(story("s1"));
  await until(store, ({ status }) => status === "ready");
  await settled();
  const deliver = (seq, event, storyId) => connection.deliver({ event, channel: "community", seq, data: { storyId } });
  deliver(1, "story:updated", "s9");
  deliver(2, "story:updated", "s1");
  (await connection.nextOf("story:get")).resolve(story("s1", { title: "Better" }));
  await until(store, (view) => view.story.title === "Better");
  await settled();
  deliver(3, "story:deleted", "s1");
  assert.deepEqual(store.getSnapshot(), { status: "gone", error: null, story: null });
  deliver(4, "story:published", "s1");
  (await connection.nextOf("story:get")).reject(new HubbubError({ code: "internal", message: "A defect." }));
  await until(store, ({ status }) => status === "failed");
  const again = store.retry();
  (await connection.nextOf("story:get")).reject(new HubbubError({ code: "not_found", message: "Gone." }));
  await again;
  assert.equal(store.getSnapshot().status, "gone");
});
