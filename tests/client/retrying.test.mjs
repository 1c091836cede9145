import assert from "node:assert/strict";
import { test } from "node:test";

import { HubbubError } from "../../static/client/errors.js";
import { persistently, retryDelay, shared } from "../../static/client/retrying.js";
import { settings } from "./scripted.mjs";

test("calls during a run share the next one", async () => {
  const finish = [];
  const refresh = shared(() => new Promise((resolve) => finish.push(resolve)));
  const first = refresh();
  const second = refresh();
  const third = refresh();
  assert.equal(finish.length, 1);
  finish[0]("old");
  assert.equal(await first, "old");
  while (finish.length < 2) await null;
  finish[1]("new");
  assert.deepEqual(await Promise.all([second, third]), ["new", "new"]);
  assert.equal(finish.length, 2);
});

test("a run that fails does not stop the next", async () => {
  let runs = 0;
  const refresh = shared(async () => {
    if (++runs === 1) throw new Error("no");
    return runs;
  });
  const first = refresh();
  const second = refresh();
  await assert.rejects(first, /no/);
  assert.equal(await second, 2);
});

test("work is repeated for passing reasons only", async () => {
  let runs = 0;
  const unavailable = new HubbubError({ code: "unavailable", message: "No answer." });
  const work = async () => {
    if (++runs < 3) throw unavailable;
    return "done";
  };
  assert.equal(await persistently(work, { live: true }, settings), "done");
  assert.equal(runs, 3);
  await assert.rejects(persistently(() => Promise.reject(unavailable), { live: false }, settings), unavailable);
  const refusal = new HubbubError({ code: "forbidden", message: "No." });
  await assert.rejects(persistently(() => Promise.reject(refusal), { live: true }, settings), refusal);
});

test("the server's own pause is kept, else pauses grow up to a bound", () => {
  const limited = new HubbubError({ code: "rate_limited", message: "Wait.", retryAfter: 3 });
  assert.ok(retryDelay(0, limited, settings) >= 3000);
  const growing = { ...settings, retryDelayMs: 100, retryDelayMaxMs: 1000 };
  for (let attempt = 0; attempt < 50; attempt++) {
    const delay = retryDelay(attempt, null, growing);
    assert.ok(delay >= Math.min(100 * 2 ** attempt, 1000) / 2 && delay <= 1000);
  }
});
