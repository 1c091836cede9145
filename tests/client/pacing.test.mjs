import assert from "node:assert/strict";
import { test } from "node:test";

import { Pacing } from "../../static/client/pacing.js";
import { settings, settled } from "./scripted.mjs";

/** A document that can be hidden and touched. */
class ScriptedPage extends EventTarget {
  visibilityState = "visible";

  show(visible) {
    this.visibilityState = visible ? "visible" : "hidden";
    this.dispatchEvent(new Event("visibilitychange"));
  }
}

function paced(t, answer = () => ({ came: false })) {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const page = new ScriptedPage();
  let asked = 0;
  const pacing = new Pacing({ ask: async () => (asked++, answer(asked)), settings, page });
  pacing.start();
  t.after(() => pacing.stop());
  /** How many seconds pass until it asks again; null if it does not within a minute. */
  const untilNext = async () => {
    const before = asked;
    for (let seconds = 0; seconds <= 60; seconds += 0.5) {
      t.mock.timers.tick(seconds === 0 ? 0 : 500);
      await settled();
      if (asked > before) return seconds;
    }
    return null;
  };
  return { page, pacing, untilNext };
}

test("it asks at once, after 2 s, and then after ever longer pauses, up to 10 s", async (t) => {
  const { untilNext } = paced(t);
  const pauses = [];
  for (let number = 0; number < 8; number++) pauses.push(await untilNext());
  assert.deepEqual(pauses, [0, 2, 3, 4.5, 7, 10, 10, 10]);
});

test("what came brings it back to 2 s", async (t) => {
  const { untilNext } = paced(t, (asked) => ({ came: asked === 4 }));
  const pauses = [];
  for (let number = 0; number < 6; number++) pauses.push(await untilNext());
  assert.deepEqual(pauses, [0, 2, 3, 4.5, 2, 2]);
});

test("so does what the user does, without waiting out the long pause", async (t) => {
  const { page, untilNext } = paced(t);
  for (let number = 0; number < 6; number++) await untilNext();
  page.dispatchEvent(new Event("keydown"));
  assert.equal(await untilNext(), 2);
  assert.equal(await untilNext(), 2);
});

test("it asks only while the tab is visible, and at once when it is again", async (t) => {
  const { page, untilNext } = paced(t);
  await untilNext();
  page.show(false);
  assert.equal(await untilNext(), null);
  page.show(true);
  assert.equal(await untilNext(), 0);
});

test("the server may want it sooner, and it can be ended", async (t) => {
  const { pacing, untilNext } = paced(t, (asked) => ({ came: false, within: asked === 6 ? 1000 : Infinity }));
  for (let number = 0; number < 6; number++) await untilNext();
  assert.equal(await untilNext(), 1);
  pacing.stop();
  assert.equal(await untilNext(), null);
});
