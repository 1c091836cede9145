import assert from "node:assert/strict";
import { test } from "node:test";

import { hasReacted, withReaction } from "../../static/client/reactions.js";

const one = [{ emoji: "👍", count: 2, userIds: ["ada", "bo"] }];

test("a first reaction is added behind the others", () => {
  assert.deepEqual(withReaction(one, "🎉", "ada", true), [...one, { emoji: "🎉", count: 1, userIds: ["ada"] }]);
});

test("taking back the last reaction removes the emoji", () => {
  const reactions = withReaction(withReaction(one, "👍", "ada", false), "👍", "bo", false);
  assert.deepEqual(reactions, []);
});

test("what is already so stays the same object", () => {
  assert.equal(withReaction(one, "👍", "ada", true), one);
  assert.equal(hasReacted(one, "👍", "ada"), true);
  assert.equal(hasReacted(one, "👍", "cy"), false);
});
