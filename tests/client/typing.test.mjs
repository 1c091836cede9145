import assert from "node:assert/strict";
import { test } from "node:test";

import { formatTyping, TypingReporter } from "../../static/client/typing.js";
import { ScriptedConnection, settings } from "./scripted.mjs";

const people = (...names) => names.map((name) => ({ id: name.toLowerCase(), name }));

test("nobody types", () => assert.equal(formatTyping([]), ""));
test("one types", () => assert.equal(formatTyping(people("Ada")), "Ada is typing…"));
test("two type", () => assert.equal(formatTyping(people("Ada", "Bo")), "Ada and Bo are typing…"));
test("three type", () => assert.equal(formatTyping(people("Ada", "Bo", "Cy")), "3 people are typing…"));
test("many type", () => assert.equal(formatTyping(people(..."ABCDEFGHIJKL")), "12 people are typing…"));

test("keys in quick succession are told once", () => {
  const connection = new ScriptedConnection();
  const typing = new TypingReporter(connection, "room:r1", { ...settings, typingIntervalMs: 60_000 });
  for (let key = 0; key < 50; key++) typing.pressed();
  assert.deepEqual(connection.signals, [["typing:start", { channel: "room:r1" }]]);
});

test("typing is told again once the interval has passed", () => {
  const connection = new ScriptedConnection();
  const typing = new TypingReporter(connection, "room:r1", { ...settings, typingIntervalMs: 0 });
  typing.pressed();
  typing.pressed();
  assert.equal(connection.signals.length, 2);
});

test("stopping is told once, and the next key starts anew", () => {
  const connection = new ScriptedConnection();
  const typing = new TypingReporter(connection, "room:r1", { ...settings, typingIntervalMs: 60_000 });
  typing.stop();
  typing.pressed();
  typing.stop();
  typing.stop();
  typing.pressed();
  assert.deepEqual(
    connection.signals.map(([action]) => action),
    ["typing:start", "typing:stop", "typing:start"],
  );
});
