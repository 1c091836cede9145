import assert from "node:assert/strict";
import { test } from "node:test";

import { Comments, threads } from "../../static/client/comments.js";
import { HubbubError } from "../../static/client/errors.js";
import { settled, surroundings, until } from "./scripted.mjs";

const CHANNEL = "trip:lisbon:comments";
const comment = (number, more = {}) => ({
  id: `c${String(number).padStart(3, "0")}`,
  userId: "bo",
  parentId: null,
  body: `text ${number}`,
  clientId: null,
  status: "approved",
  replyCount: 0,
  editedAt: null,
  user: { id: "bo", name: "Bo" },
  ...more,
});
const ids = (comments) => comments.getSnapshot().items.map(({ id }) => id);

async function watched(list = [], { hasMore = false, count = list.length } = {}) {
  const hubbub = surroundings({ commentPage: 3, listWindow: 5 });
  const { connection } = hubbub;
  const comments = new Comments(hubbub, { type: "trip", id: "lisbon" });
  comments.subscribe(() => {});
  const { payload, resolve } = await connection.nextOf("channel:subscribe");
  assert.deepEqual(payload, { snapshot: true, channel: CHANNEL, after: undefined });
  resolve({ channel: CHANNEL, seq: 10, recovered: true, events: [], snapshot: { count, typing: [] } });
  (await connection.nextOf("comment:list")).resolve({ comments: list, hasMore });
  await until(comments, ({ status }) => status === "ready");
  await settled();
  let seq = 10;
  const deliver = (event, data) => connection.deliver({ event, channel: CHANNEL, seq: ++seq, data });
  return { connection, comments, deliver };
}

test("comments appear, change and go as others write", async () => {
  const { comments, deliver } = await watched([comment(2), comment(1)]);
  deliver("comment:created", comment(3));
  assert.deepEqual(ids(comments), ["c003", "c002", "c001"]);
  deliver("comment:edited", comment(1, { body: "better", editedAt: "2026-11-21T01:02:03.456Z" }));
  assert.equal(comments.getSnapshot().items[2].body, "better");
  deliver("comment:deleted", { commentId: "c002" });
  assert.deepEqual(ids(comments), ["c003", "c001"]);
  assert.equal(comments.getSnapshot().count, 2);
});

test("older ones come page by page, and new ones do not disturb the pages", async () => {
  const { connection, comments, deliver } = await watched([comment(9), comment(8), comment(7)], { hasMore: true, count: 9 });
  const loading = comments.loadMore();
  const { payload, resolve } = await connection.nextOf("comment:list");
  assert.deepEqual(payload, { type: "trip", id: "lisbon", limit: 3, before: "c007" });
  deliver("comment:created", comment(10));
  assert.deepEqual(ids(comments), ["c009", "c008", "c007"], "events wait while a page is loaded");
  resolve({ comments: [comment(6), comment(5), comment(4)], hasMore: true });
  await loading;
  assert.deepEqual(ids(comments), ["c010", "c009", "c008", "c007", "c006", "c005"], "what was paged to stays, and no more");
  assert.equal(comments.getSnapshot().count, 10);
  assert.equal(comments.getSnapshot().hasMore, true);
});

test("one's own comment is pending at once, and there once when it is stored", async () => {
  const { connection, comments, deliver } = await watched([comment(1)]);
  comments.send("Hello", "c001");
  assert.equal(comments.getSnapshot().pending[0].message, "Hello");
  const { payload, resolve } = await connection.nextOf("comment:create");
  const { clientId, ...rest } = payload;
  assert.deepEqual(rest, { type: "trip", id: "lisbon", body: "Hello", parentId: "c001" });
  const stored = comment(2, { userId: "ada", clientId, parentId: "c001", body: "Hello" });
  deliver("comment:created", stored);
  resolve(stored);
  await settled();
  assert.deepEqual(comments.getSnapshot().pending, []);
  assert.deepEqual(ids(comments), ["c002", "c001"]);
  assert.equal(comments.getSnapshot().count, 2);
});

test("a comment that is refused stays with its reason, and can be sent again", async () => {
  const { connection, comments } = await watched();
  comments.send("Buy this");
  const first = await connection.nextOf("comment:create");
  first.reject(new HubbubError({ code: "invalid", message: "That word is not used here." }));
  await until(comments, ({ pending }) => pending[0]?.status === "failed");
  comments.outbox.retry(first.payload.clientId);
  assert.equal((await connection.nextOf("comment:create")).payload.clientId, first.payload.clientId);
});

test("edits and deletions show at once and are taken back when they are refused", async () => {
  const { connection, comments } = await watched([comment(1)]);
  const edited = comments.edit("c001", "changed");
  assert.equal(comments.getSnapshot().items[0].body, "changed");
  (await connection.nextOf("comment:edit")).reject(new HubbubError({ code: "forbidden", message: "No." }));
  await assert.rejects(edited);
  assert.equal(comments.getSnapshot().items[0].body, "text 1");
  const deleted = comments.delete("c001");
  assert.deepEqual(ids(comments), []);
  (await connection.nextOf("comment:delete")).reject(new HubbubError({ code: "forbidden", message: "No." }));
  await assert.rejects(deleted);
  assert.deepEqual(ids(comments), ["c001"]);
});

test("a comment that waited for a moderator is the newest when it appears", async () => {
  const { comments, deliver } = await watched([comment(3), comment(2, { userId: "ada", status: "pending" }), comment(1)]);
  deliver("comment:created", comment(2, { userId: "ada" }));
  assert.deepEqual(ids(comments), ["c002", "c003", "c001"]);
  deliver("comment:created", comment(0));
  assert.deepEqual(ids(comments), ["c000", "c002", "c003", "c001"]);
});

test("a comment that moderators reject leaves", async () => {
  const { comments } = await watched([comment(1, { userId: "ada", status: "pending" })]);
  comments.decided({ subjectId: "c001", status: "approved" });
  assert.deepEqual(ids(comments), ["c001"]);
  comments.decided({ subjectId: "c001", status: "rejected" });
  assert.deepEqual(ids(comments), []);
});

test("threads: the newest first, answers in the order written, at any depth", () => {
  const items = [
    comment(6, { parentId: "c002" }),
    comment(5, { parentId: "c000" }),
    comment(4, { parentId: "c003" }),
    comment(3, { parentId: "c002" }),
    comment(2),
    comment(1),
  ];
  const shape = (list) => list.map(({ comment: { id }, answers }) => [id, ...shape(answers)]);
  assert.deepEqual(shape(threads(items)), [["c005"], ["c002", ["c003", ["c004"]], ["c006"]], ["c001"]]);
});
