import assert from "node:assert/strict";
import { afterEach, mock, test } from "node:test";

import { HubbubError } from "../../static/client/errors.js";
import { OwnPresence } from "../../static/client/own-presence.js";
import { settled, surroundings } from "./scripted.mjs";

/** A page: the events of a document, and whether it is in sight. */
class Page extends EventTarget {
  visibilityState = "visible";

  turn(visibilityState) {
    this.visibilityState = visibilityState;
    this.dispatchEvent(new Event("visibilitychange"));
  }
}

/** Pages that are followed; what is left of them would keep the process. */
const ends = [];
afterEach(() => ends.splice(0).forEach((end) => end()));

function me(more = {}) {
  const hubbub = surroundings({ hiddenAfterMs: 0, ...more });
  return { ...hubbub, own: new OwnPresence(hubbub), page: new Page() };
}

const statuses = async (connection, count) => {
  const told = [];
  for (let at = 0; at < count; at++) {
    const { action, payload, resolve } = await connection.next();
    assert.equal(action, "presence:update");
    told.push(payload.status);
    resolve({});
    await settled();
  }
  return told;
};

test("a page that is hidden is away, and online again as soon as it is shown", async () => {
  const { connection, own, page } = me();
  ends.push(own.attend(page));
  page.turn("hidden");
  assert.deepEqual(await statuses(connection, 1), ["away"]);
  page.turn("visible");
  assert.deepEqual(await statuses(connection, 1), ["online"]);
  assert.equal(connection.calls.length, 0);
});

test("nothing touched for five minutes is away, and one touch is online", async () => {
  mock.timers.enable({ apis: ["setTimeout", "Date"] });
  try {
    const { connection, own, page } = me();
    ends.push(own.attend(page));
    mock.timers.tick(299_000);
    page.dispatchEvent(new Event("keydown"));
    mock.timers.tick(299_000);
    assert.equal(own.getSnapshot().status, "online");
    assert.equal(connection.calls.length, 0);
    mock.timers.tick(1_000);
    assert.deepEqual(await statuses(connection, 1), ["away"]);
    page.dispatchEvent(new Event("pointermove"));
    assert.deepEqual(await statuses(connection, 1), ["online"]);
    mock.timers.tick(300_000);
    assert.deepEqual(await statuses(connection, 1), ["away"]);
  } finally {
    mock.timers.reset();
  }
});

test("a page that is hidden for a moment only is not told of", async () => {
  mock.timers.enable({ apis: ["setTimeout", "Date"] });
  try {
    const { connection, own, page } = me({ hiddenAfterMs: 1000 });
    ends.push(own.attend(page));
    page.turn("hidden");
    mock.timers.tick(999);
    page.turn("visible");
    mock.timers.tick(10_000);
    assert.equal(own.getSnapshot().status, "online");
    page.turn("hidden");
    mock.timers.tick(1000);
    assert.equal(own.getSnapshot().status, "away");
    assert.deepEqual(await statuses(connection, 1), ["away"]);
  } finally {
    mock.timers.reset();
  }
});

test("a touch while the page is hidden does not make it online", async () => {
  const { connection, own, page } = me();
  ends.push(own.attend(page));
  page.turn("hidden");
  page.dispatchEvent(new Event("keydown"));
  assert.deepEqual(await statuses(connection, 1), ["away"]);
  assert.equal(connection.calls.length, 0);
});

test("changes during a call are told by one more, with the newest", async () => {
  const { connection, own } = me();
  own.tell({ currentPage: "/a" });
  own.tell({ currentPage: "/b" });
  own.tell({ currentPage: "/c", activity: "reading" });
  const first = await connection.next();
  assert.deepEqual(first.payload, { status: "online", currentPage: "/a", activity: null });
  first.resolve({});
  const second = await connection.next();
  assert.deepEqual(second.payload, { status: "online", currentPage: "/c", activity: "reading" });
  second.resolve({});
  await settled();
  assert.equal(connection.calls.length, 0);
});

test("a new connection is told what the old one was, unless that is what it takes for granted", async () => {
  const { connection, own, page } = me();
  ends.push(own.attend(page));
  connection.lose();
  connection.regain();
  await settled();
  assert.equal(connection.calls.length, 0);
  page.turn("hidden");
  assert.deepEqual(await statuses(connection, 1), ["away"]);
  connection.lose();
  connection.regain();
  assert.deepEqual(await statuses(connection, 1), ["away"]);
});

test("a connection that is taken up again still says what it said, and is told what holds now", async () => {
  const { connection, own, page } = me();
  ends.push(own.attend(page));
  page.turn("hidden");
  assert.deepEqual(await statuses(connection, 1), ["away"]);
  connection.lose();
  page.turn("visible");
  connection.regain(true);
  assert.deepEqual(await statuses(connection, 1), ["online"]);
});

test("what could not be told is told again; a refusal is reported and not repeated", async () => {
  const { connection, own, reported } = me();
  own.tell({ currentPage: "/a" });
  (await connection.next()).reject(new HubbubError({ code: "unavailable", message: "No answer." }));
  const second = await connection.next();
  assert.equal(second.payload.currentPage, "/a");
  const refusal = new HubbubError({ code: "invalid", message: "Too long." });
  second.reject(refusal);
  await settled();
  assert.deepEqual(reported, [refusal]);
  assert.equal(connection.calls.length, 0);
});
