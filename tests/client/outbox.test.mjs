import assert from "node:assert/strict";
import { test } from "node:test";

import { HubbubError } from "../../static/client/errors.js";
import { Outbox } from "../../static/client/outbox.js";
import { settings, settled } from "./scripted.mjs";

/** An outbox whose attempts wait in `attempts` until the test settles them. */
function outbox() {
  const connection = { live: true };
  const attempts = [];
  const box = new Outbox({
    send: (item) => new Promise((resolve, reject) => attempts.push({ item, resolve, reject })),
    connection,
    settings,
    changed: () => {},
  });
  return { box, attempts, connection };
}

const until = async (condition) => {
  while (!condition()) await settled();
};

test("a message is pending at once and gone when it is stored", async () => {
  const { box, attempts } = outbox();
  box.add({ message: "Hello" });
  assert.deepEqual(
    box.items.map(({ message, status }) => [message, status]),
    [["Hello", "pending"]],
  );
  attempts[0].resolve();
  await settled();
  assert.deepEqual(box.items, []);
});

test("messages leave one after the other, in the order written", async () => {
  const { box, attempts } = outbox();
  for (const message of ["one", "two", "three"]) box.add({ message });
  assert.equal(attempts.length, 1);
  for (let sent = 1; sent <= 3; sent++) {
    await until(() => attempts.length === sent);
    attempts[sent - 1].resolve();
  }
  await until(() => box.items.length === 0);
  assert.deepEqual(
    attempts.map(({ item }) => item.message),
    ["one", "two", "three"],
  );
});

test("a lost connection keeps messages, and the same clientId is sent after the next connect", async () => {
  const { box, attempts, connection } = outbox();
  box.add({ message: "Hello" });
  connection.live = false;
  attempts[0].reject(new HubbubError({ code: "unavailable", message: "No answer." }));
  await settled();
  box.add({ message: "Are you there?" });
  await settled();
  assert.equal(attempts.length, 1);
  connection.live = true;
  void box.resume();
  await until(() => attempts.length === 2);
  assert.equal(attempts[1].item.clientId, attempts[0].item.clientId);
  attempts[1].resolve();
  await until(() => attempts.length === 3);
  assert.equal(attempts[2].item.message, "Are you there?");
});

test("a message heard of through its event is not sent again", async () => {
  const { box, attempts, connection } = outbox();
  box.add({ message: "Hello" });
  connection.live = false;
  attempts[0].reject(new HubbubError({ code: "unavailable", message: "No answer." }));
  await settled();
  box.remove(attempts[0].item.clientId);
  connection.live = true;
  await box.resume();
  assert.equal(attempts.length, 1);
  assert.deepEqual(box.items, []);
});

test("a message over a limit waits as long as the server asks", async () => {
  const { box, attempts } = outbox();
  box.add({ message: "Hello" });
  attempts[0].reject(new HubbubError({ code: "rate_limited", message: "Too many.", retryAfter: 0.01 }));
  await settled();
  assert.equal(box.items[0].status, "waiting");
  assert.ok(box.items[0].retryAt > 0);
  await until(() => attempts.length === 2);
  assert.equal(box.items[0].status, "pending");
  assert.equal(attempts[1].item.clientId, attempts[0].item.clientId);
});

test("a refused message fails, keeps its error, does not hold up the next, and can be retried", async () => {
  const { box, attempts } = outbox();
  box.add({ message: "Hello" });
  box.add({ message: "Next" });
  const refusal = new HubbubError({ code: "forbidden", message: "Join this room first." });
  attempts[0].reject(refusal);
  await until(() => attempts.length === 2);
  assert.equal(attempts[1].item.message, "Next");
  attempts[1].resolve();
  await settled();
  assert.deepEqual(
    box.items.map(({ message, status, error }) => [message, status, error]),
    [["Hello", "failed", refusal]],
  );
  box.retry(box.items[0].clientId);
  await until(() => attempts.length === 3);
  assert.equal(attempts[2].item.clientId, attempts[0].item.clientId);
  attempts[2].resolve();
  await until(() => box.items.length === 0);
});
