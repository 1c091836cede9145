import assert from "node:assert/strict";
import { test } from "node:test";

import { HubbubError } from "../../static/client/errors.js";
import { ReadState } from "../../static/client/read-state.js";
import { ScriptedConnection, message, settings } from "./scripted.mjs";

function readState() {
  const connection = new ScriptedConnection();
  const reported = [];
  const state = new ReadState({
    tell: (seq) => connection.call("message:read", { seq }),
    settings,
    report: (error) => reported.push(error),
  });
  return { state, connection, reported };
}

const counts = ({ lastReadSeq, unreadCount, mentionCount }) => [lastReadSeq, unreadCount, mentionCount];

test("others' messages and mentions count, one's own reads up to itself", () => {
  const { state } = readState();
  state.adopt({ lastReadSeq: 3, unreadCount: 0, mentionCount: 0 }, 3);
  state.created(message(4), "ada");
  state.created(message(5, { mentions: ["ada"] }), "ada");
  assert.deepEqual(counts(state), [3, 2, 1]);
  state.created(message(6, { userId: "ada" }), "ada");
  assert.deepEqual(counts(state), [6, 0, 0]);
});

test("a message that the server's count contains already is not counted twice", () => {
  const { state } = readState();
  state.adopt({ lastReadSeq: 3, unreadCount: 2, mentionCount: 0 }, 5);
  state.created(message(4), "ada");
  state.created(message(5), "ada");
  state.created(message(6), "ada");
  assert.deepEqual(counts(state), [3, 3, 0]);
});

test("a count made before a message that is already here does not take it away", () => {
  const { state } = readState();
  state.adopt({ lastReadSeq: 3, unreadCount: 0, mentionCount: 0 }, 3);
  state.created(message(4), "ada");
  state.adopt({ lastReadSeq: 3, unreadCount: 0, mentionCount: 0 });
  assert.deepEqual(counts(state), [3, 1, 0]);
});

test("reading on another device clears the count here", () => {
  const { state } = readState();
  state.adopt({ lastReadSeq: 3, unreadCount: 2, mentionCount: 1 }, 5);
  state.adopt({ lastReadSeq: 5, unreadCount: 0, mentionCount: 0 });
  assert.deepEqual(counts(state), [5, 0, 0]);
});

test("reading is told once for many messages, with the newest", async () => {
  const { state, connection } = readState();
  state.adopt({ lastReadSeq: 0, unreadCount: 9, mentionCount: 2 }, 9);
  for (let seq = 1; seq <= 9; seq++) state.read(seq);
  assert.deepEqual(counts(state), [9, 0, 0]);
  const call = await connection.next();
  assert.deepEqual(call.payload, { seq: 9 });
  assert.equal(connection.calls.length, 0);
});

test("what could not be told is told again, and a refusal is reported", async () => {
  const { state, connection, reported } = readState();
  state.adopt({ lastReadSeq: 0, unreadCount: 9, mentionCount: 0 }, 9);
  state.read(9);
  (await connection.next()).reject(new HubbubError({ code: "unavailable", message: "No answer." }));
  const second = await connection.next();
  assert.deepEqual(second.payload, { seq: 9 });
  const refusal = new HubbubError({ code: "forbidden", message: "Join this room first." });
  second.reject(refusal);
  await new Promise((resolve) => setImmediate(resolve));
  assert.deepEqual(reported, [refusal]);
});

test("the server's older word does not undo what was read here", () => {
  const { state } = readState();
  state.adopt({ lastReadSeq: 0, unreadCount: 5, mentionCount: 0 }, 5);
  state.read(5);
  state.adopt({ lastReadSeq: 2, unreadCount: 3, mentionCount: 0 });
  assert.deepEqual(counts(state), [5, 0, 0]);
});
