import assert from "node:assert/strict";
import { test } from "node:test";

import { formatAgo, formatPresence, formatViewers } from "../../static/client/formats.js";

const now = Date.parse("2026-11-21T12:00:00.000Z");
const before = (seconds) => new Date(now - seconds * 1000).toISOString();

for (const [seconds, words] of [
  [-5, "just now"],
  [0, "just now"],
  [59, "just now"],
  [60, "1m ago"],
  [120, "2m ago"],
  [3599, "59m ago"],
  [3600, "1h ago"],
  [86_399, "23h ago"],
  [86_400, "1d ago"],
  [6.5 * 86_400, "6d ago"],
]) {
  test(`${seconds} seconds ago is "${words}"`, () => assert.equal(formatAgo(before(seconds), now), words));
}

test("what is older than a week is a date, with the year where it is another", () => {
  assert.match(formatAgo("2026-03-03T12:00:00.000Z", now), /^3 Mar$/);
  assert.match(formatAgo("2024-03-03T12:00:00.000Z", now), /^3 Mar 2024$/);
});

test("presence in words", () => {
  const words = (status, lastSeenAt = null) => formatPresence({ status, lastSeenAt }, now);
  assert.equal(words("online", before(0)), "Online");
  assert.equal(words("away", before(600)), "Away");
  assert.equal(words("offline", before(3700)), "Last seen 1h ago");
  assert.equal(words("offline", before(3)), "Last seen just now");
  assert.equal(words("offline"), "Offline");
  assert.equal(words(null), "");
});

test("viewers in words", () => {
  const words = [0, 1, 3, 1200].map((count) => formatViewers(count));
  assert.deepEqual(words, ["", "1 person viewing", "3 people viewing", "1,200 people viewing"]);
  assert.equal(formatViewers(3, "trip"), "3 people viewing this trip");
});
