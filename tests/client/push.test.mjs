import assert from "node:assert/strict";
import { test } from "node:test";

import { HubbubError } from "../../static/client/errors.js";
import { Push } from "../../static/client/push.js";
import { surroundings } from "./scripted.mjs";

const KEY = "BAc-_w";
const BYTES = [4, 7, 62, 255];
const subscription = { endpoint: "https://push.example/1", expirationTime: null, keys: { p256dh: "p", auth: "a" } };

/** What `window` offers of push, as far as the client uses it. */
function browser({ permission = "default", answer = "granted", owner = null, subscribed = null } = {}) {
  const kept = new Map(owner ? [["hubbub.push", owner]] : []);
  const made = (key) => ({
    ...subscription,
    options: { applicationServerKey: new Uint8Array(key).buffer },
    toJSON: () => subscription,
    unsubscribe: async () => {
      self.subscribed = null;
      return true;
    },
  });
  const self = {
    asked: [],
    subscribed: subscribed && made(subscribed),
    kept,
    isSecureContext: true,
    PushManager: class {},
    Notification: {
      permission,
      requestPermission: async () => (self.Notification.permission = answer),
    },
    localStorage: {
      getItem: (name) => kept.get(name) ?? null,
      setItem: (name, value) => kept.set(name, value),
      removeItem: (name) => kept.delete(name),
    },
    navigator: { serviceWorker: { register: async () => registration } },
  };
  const registration = {
    active: { state: "activated" },
    pushManager: {
      getSubscription: async () => self.subscribed,
      subscribe: async (options) => {
        self.asked.push(options);
        return (self.subscribed = made([...options.applicationServerKey]));
      },
    },
  };
  return self;
}

async function push(window) {
  const hubbub = surroundings();
  const store = new Push(hubbub, window);
  return { ...hubbub, store, status: () => store.getSnapshot().status };
}

test("a browser without push, or a page over plain HTTP, says so", async () => {
  for (const missing of [{ PushManager: undefined }, { isSecureContext: false }, { navigator: {} }]) {
    const { store, status } = await push({ ...browser(), ...missing });
    await store.start("/service-worker.js");
    assert.equal(status(), "unsupported");
  }
});

test("it is off at first, on once the user allows it, with the server's key", async () => {
  const window = browser();
  const { store, status, connection } = await push(window);
  await store.start("/service-worker.js");
  assert.equal(status(), "off");
  const done = store.enable();
  (await connection.nextOf("push:key")).resolve({ publicKey: KEY });
  const { payload, resolve } = await connection.nextOf("push:subscribe");
  assert.deepEqual(payload, subscription);
  resolve({ endpoint: subscription.endpoint });
  await done;
  assert.equal(status(), "on");
  assert.deepEqual([...window.asked[0].applicationServerKey], BYTES);
  assert.equal(window.asked[0].userVisibleOnly, true);
});

test("who forbids it finds it denied, and the server is not asked", async () => {
  const window = browser({ answer: "denied" });
  const { store, status, connection } = await push(window);
  await store.start("/service-worker.js");
  await store.enable();
  assert.equal(status(), "denied");
  assert.equal(connection.calls.length, 0);
});

test("a subscription that the server refuses is not on", async () => {
  const window = browser();
  const { store, status, connection } = await push(window);
  await store.start("/service-worker.js");
  const done = store.enable();
  (await connection.nextOf("push:key")).resolve({ publicKey: KEY });
  const refusal = new HubbubError({ code: "invalid", message: "Endpoints on private networks are refused." });
  (await connection.nextOf("push:subscribe")).reject(refusal);
  await assert.rejects(done, refusal);
  assert.equal(status(), "off");
  assert.equal(store.getSnapshot().busy, false);
});

test("turned off, it is off in the browser and on the server; without a connection in the browser alone", async () => {
  for (const live of [true, false]) {
    const window = browser({ permission: "granted", owner: "ada", subscribed: BYTES });
    const { store, status, connection } = await push(window);
    const started = store.start("/service-worker.js");
    (await connection.nextOf("push:subscribe")).resolve({});
    await started;
    assert.equal(status(), "on");
    const done = store.disable();
    const { payload, resolve, reject } = await connection.nextOf("push:unsubscribe");
    assert.deepEqual(payload, { endpoint: subscription.endpoint });
    if (live) resolve({});
    else reject(new HubbubError({ code: "unavailable", message: "Not connected." }));
    await done;
    assert.equal(status(), "off");
    assert.equal(window.subscribed, null);
  }
});

test("another person at the same browser finds it off, and nothing is told of them", async () => {
  const window = browser({ permission: "granted", owner: "bo", subscribed: BYTES });
  const { store, status, connection } = await push(window);
  await store.start("/service-worker.js");
  assert.equal(status(), "off");
  assert.equal(connection.calls.length, 0);
});

test("a subscription for another key is replaced", async () => {
  const window = browser({ permission: "granted", subscribed: [1, 2, 3] });
  const { store, status, connection } = await push(window);
  await store.start("/service-worker.js");
  const done = store.enable();
  (await connection.nextOf("push:key")).resolve({ publicKey: KEY });
  (await connection.nextOf("push:subscribe")).resolve({});
  await done;
  assert.equal(status(), "on");
  assert.equal(window.asked.length, 1);
});
