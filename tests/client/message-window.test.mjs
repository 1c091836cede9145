import assert from "node:assert/strict";
import { test } from "node:test";

import { MessageWindow } from "../../static/client/message-window.js";
import { message } from "./scripted.mjs";

const range = (from, to) => Array.from({ length: to - from + 1 }, (_, at) => message(from + at));
const seqs = (window) => window.list().map(({ seq }) => seq);
const numbers = (from, to) => range(from, to).map(({ seq }) => seq);

function windowOf(from, to, { limit = 100, hasOlder = false, hasNewer = false } = {}) {
  const window = new MessageWindow(limit);
  window.reset(range(from, to), { hasOlder, hasNewer });
  return window;
}

test("new messages are appended, each once", () => {
  const window = windowOf(1, 3);
  window.put(message(4));
  window.put(message(4));
  assert.deepEqual(seqs(window), [1, 2, 3, 4]);
});

test("an own message whose acknowledgement overtakes another's event ends in order", () => {
  const window = windowOf(1, 3);
  window.put(message(5));
  window.put(message(4));
  assert.deepEqual(seqs(window), [1, 2, 3, 4, 5]);
});

test("a newer state replaces the older one", () => {
  const window = windowOf(1, 3);
  window.put(message(2, { message: "edited" }));
  assert.equal(window.get("m00002").message, "edited");
  assert.deepEqual(seqs(window), [1, 2, 3]);
});

test("what lies beyond the stretch is left to paging", () => {
  const window = windowOf(10, 12, { hasOlder: true, hasNewer: true });
  window.put(message(4, { message: "edited" }));
  window.put(message(20));
  assert.deepEqual(seqs(window), [10, 11, 12]);
});

test("with the newest in sight the oldest are let go", () => {
  const window = windowOf(1, 5, { limit: 5 });
  window.put(message(6));
  assert.deepEqual(seqs(window), [2, 3, 4, 5, 6]);
  assert.equal(window.hasOlder, true);
});

test("while older messages are read, new ones do not push them out", () => {
  const window = windowOf(1, 5, { limit: 5 });
  window.followsNewest = false;
  window.put(message(6));
  assert.deepEqual(seqs(window), [1, 2, 3, 4, 5]);
  assert.equal(window.hasNewer, true);
});

test("paging back and forth keeps a stretch of bounded length without holes", () => {
  const window = windowOf(41, 60, { limit: 30, hasOlder: true });
  window.prepend(range(21, 40), true);
  assert.deepEqual(seqs(window), numbers(21, 50));
  assert.equal(window.hasNewer, true);
  window.append(range(51, 60), false);
  assert.deepEqual(seqs(window), numbers(31, 60));
  assert.equal(window.hasOlder, true);
  assert.equal(window.hasNewer, false);
});

test("a change under way covers the message and leaves no trace when it is refused", () => {
  const window = windowOf(1, 3);
  const uncover = window.cover("m00002", (shown) => ({ ...shown, message: "mine" }));
  assert.equal(window.list()[1].message, "mine");
  window.put(message(2, { message: "somebody else's" }));
  assert.equal(window.list()[1].message, "mine");
  uncover();
  assert.equal(window.list()[1].message, "somebody else's");
});

test("the list is the same array until something changes", () => {
  const window = windowOf(1, 3);
  assert.equal(window.list(), window.list());
  const before = window.list();
  window.patch("m00001", { message: "changed" });
  assert.notEqual(window.list(), before);
  assert.equal(window.list()[1], before[1]);
});
