/**
 * Two people talk through the client library while their connections are cut again and again; at the
 * end both must have seen every event once, in order, and show the same messages.
 *
 * node live.mjs '{"urls": [a, b], "tokens": [ada, bo], "count": 40}'
 */
import assert from "node:assert/strict";
import { createRequire } from "node:module";

import { Hubbub, currentSession } from "../../static/client/index.js";
import { Observable } from "../../static/client/observable.js";

const requireInStatic = createRequire(new URL("../../static/package.json", import.meta.url));
const { io } = requireInStatic("socket.io-client");
const { urls, tokens, count } = JSON.parse(process.argv[2]);

/** Resolves when the condition holds; the stores say when it is worth looking. */
function until(condition, ...stores) {
  return new Promise((resolve) => {
    const look = () => {
      if (!condition()) return;
      ends.forEach((end) => end());
      resolve();
    };
    const ends = stores.map((store) => store.subscribe(look));
    look();
  });
}

async function person(url, token) {
  const session = await currentSession({ url, token });
  const sockets = [];
  const remembered = (...options) => {
    sockets.push(io(...options));
    return sockets[0];
  };
  const hubbub = new Hubbub({ io: remembered, url, session, settings: { retryDelayMs: 40, retryDelayMaxMs: 400 } });
  hubbub.onProblem((error) => assert.fail(error));
  hubbub.open();
  await until(() => hubbub.chat.getSnapshot().status === "ready", hubbub.chat);
  return { hubbub, cut: () => sockets[0].io.engine?.close() };
}

const people = await Promise.all(urls.map((url, at) => person(url, tokens[at])));
const [ada, bo] = people;
const { id } = await ada.hubbub.chat.create({ name: "Cut off", visibility: "private", memberIds: [bo.hubbub.me.id] });
await until(() => bo.hubbub.chat.room(id), bo.hubbub.chat);

for (const each of people) {
  each.room = each.hubbub.chat.room(id);
  each.room.open();
  await until(() => each.room.timeline.getSnapshot().status === "ready", each.room.timeline);
  each.seen = [];
  each.events = new Observable({ seen: 0 });
  each.downs = 0;
  each.hubbub.connection.on("down", () => each.downs++);
  const event = ({ seq }) => each.events.change({ seen: each.seen.push(seq) });
  await new Promise((load) => each.hubbub.channels.follow(each.room.channel, { load, event }));
}

const complete = ({ room }) => {
  const { messages, pending } = room.timeline.getSnapshot();
  return messages.length === 2 * count && pending.length === 0;
};
for (let number = 1; number <= count; number++) {
  for (const each of people) each.room.timeline.send({ message: `${each.hubbub.me.id} ${number}` });
  const victim = people[number % 2];
  const stored = victim.room.timeline.getSnapshot().messages.length;
  if (number % 3 === 0) victim.cut();
  await until(() => victim.room.timeline.getSnapshot().messages.length > stored || complete(victim), victim.room.timeline);
}
await Promise.all(people.map((each) => until(() => complete(each), each.room.timeline)));
// The answer to what one sent oneself may come before the events that lie between.
await Promise.all(people.map((each) => until(() => each.seen.length >= 2 * count, each.events)));

const shown = people.map(({ room }) => room.timeline.getSnapshot().messages.map(({ seq, message }) => [seq, message]));
assert.deepEqual(shown[0], shown[1]);
assert.deepEqual(
  shown[0].map(([seq]) => seq),
  Array.from({ length: 2 * count }, (_, at) => at + 1),
);
for (const { hubbub, seen, downs } of people) {
  assert.ok(downs > 2, `the connection was cut ${downs} times`);
  assert.ok(seen.length >= 2 * count, `${seen.length} events were seen`);
  const own = shown[0].map(([, text]) => text).filter((text) => text.startsWith(`${hubbub.me.id} `));
  assert.deepEqual(
    own,
    Array.from({ length: count }, (_, at) => `${hubbub.me.id} ${at + 1}`),
    "one's own messages keep the order in which they were written",
  );
  seen.forEach((seq, at) => assert.ok(at === 0 || seq === seen[at - 1] + 1, `event ${seq} follows ${seen[at - 1]}`));
}
people.forEach(({ hubbub }) => hubbub.close());
