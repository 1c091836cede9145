/**
 * Two people change the records of a collection and write one document through the client library, on different
 * workers, while their connections are cut again and again: at the end both have the same, and nothing was applied twice.
 *
 * node shared.mjs '{"urls": [a, b], "tokens": [ada, bo], "count": 20}'
 */
import assert from "node:assert/strict";
import { createRequire } from "node:module";

import { Hubbub, currentSession } from "../../static/client/index.js";
import { until } from "./scripted.mjs";

const requireInStatic = createRequire(new URL("../../static/package.json", import.meta.url));
const { io } = requireInStatic("socket.io-client");
const yjs = { ...requireInStatic("yjs"), ...requireInStatic("y-protocols/awareness") };
const { urls, tokens, count } = JSON.parse(process.argv[2]);

async function person(url, token) {
  const session = await currentSession({ url, token });
  const sockets = [];
  const remembered = (...options) => {
    sockets.push(io(...options));
    return sockets[0];
  };
  const settings = { retryDelayMs: 40, retryDelayMaxMs: 400, savedMs: 0 };
  const hubbub = new Hubbub({ io: remembered, url, session, settings });
  hubbub.onProblem((error) => assert.fail(error));
  hubbub.open();
  await until(hubbub.connection, ({ status }) => status === "live");
  // One that is still opening would be waited for by Socket.IO, for 20 s.
  const cut = () => sockets[0].connected && sockets[0].io.engine.close();
  return { hubbub, cut };
}

const people = await Promise.all(urls.map((url, at) => person(url, tokens[at])));
const [ada, bo] = people;

// Records: what one does in the order of a queue, the other hears of, filtered or whole.
const mark = ada.hubbub.me.id;
const heard = { insert: [], update: [], delete: [] };
const mine = ada.hubbub.collection("tasks");
const theirs = bo.hubbub.collection("tasks", { filter: `notes=eq.${mark}` });
const ends = [
  mine.subscribe(() => {}),
  theirs.onInsert(({ data }) => heard.insert.push(data.title)),
  theirs.onUpdate(({ data }) => heard.update.push(data.title)),
  theirs.onDelete((_before, id) => heard.delete.push(id)),
];
for (const collection of [mine, theirs]) await until(collection, ({ status }) => status === "ready");

const ids = [];
for (let number = 1; number <= count; number++) {
  ids.push(mine.insert({ title: `Task ${number}`, notes: mark, done: false }));
  if (number === 1) await until(theirs, ({ records }) => records.length === 1);
  if (number % 2 === 0) mine.patch(ids.at(-2), { done: true });
  if (number % 5 === 3) people[number % 2].cut();
  if (number % 5 === 0) await until(ada.hubbub.sync, ({ pending }) => pending === 0);
}
mine.patch(ids[0], { notes: "nobody's any more" });
mine.remove(ids[1]);
await until(ada.hubbub.sync, ({ pending, failed }) => pending + failed === 0);
await until(theirs, ({ records }) => records.length === count - 2);
assert.deepEqual(heard.insert, ids.map((_, at) => `Task ${at + 1}`), "in the order in which they were made, each once");
assert.deepEqual(heard.delete, [ids[0], ids[1]], "what stops matching goes like what is deleted");
assert.equal(new Set(heard.update).size, heard.update.length, "each update is heard once");
assert.ok(heard.update.length > 0);
const shown = (collection) =>
  collection.getSnapshot().records.filter(({ data }) => data.notes === mark).map(({ id, data, version }) => [id, data, version]);
assert.deepEqual(shown(mine).sort(), shown(theirs).sort());
for (const [id, { done }, version] of shown(mine)) {
  assert.equal(version, done ? 2 : 1, `${id} was written as often as it was changed`);
}

// A conflict waits for whom it concerns, until they decide.
const disputed = mine.getSnapshot().records.find(({ id }) => id === ids[4]);
theirs.patch(disputed.id, { title: "Bo's" });
await until(mine, () => mine.get(disputed.id).data.title === "Bo's");
mine.patch(disputed.id, { title: "Ada's" }, { base: disputed, strategy: "manual" });
const { items } = await until(ada.hubbub.conflicts, (view) => view.items.length === 1);
assert.deepEqual([items[0].local.title, items[0].remote.title, items[0].base.title], ["Ada's", "Bo's", "Task 5"]);
await ada.hubbub.conflicts.resolve(items[0].id, "custom", { ...items[0].remote, title: "Both" });
await until(theirs, () => theirs.get(disputed.id).data.title === "Both");
ends.forEach((end) => end());

// A document: every word of both, once.
const document = await ada.hubbub.documents.create({ title: "Together" });
const looking = bo.hubbub.documents.subscribe(() => {});
await until(bo.hubbub.documents, ({ status }) => status === "ready");
await ada.hubbub.documents.share(document.id, { everyone: "none", users: { [bo.hubbub.me.id]: "write" } });
const { items: shared } = await until(bo.hubbub.documents, (view) => view.items.length > 0);
assert.deepEqual(shared.map((each) => [each.title, each.mine]), [["Together", "write"]], "what is shared is listed at once");
looking();
for (const each of people) {
  each.document = each.hubbub.document(document.id, yjs);
  each.close = each.document.subscribe(() => {});
  each.text = () => each.document.getSnapshot().doc.getText("content");
  await until(each.document, ({ status }) => status === "ready");
}
await until(ada.document, ({ collaborators }) => collaborators.some(({ userId }) => userId === bo.hubbub.me.id));
for (let number = 1; number <= count; number++) {
  ada.text().insert(0, `a${number} `);
  bo.text().insert(bo.text().length, `b${number} `);
  if (number % 4 === 0) people[(number / 4) % 2].cut();
  await new Promise(setImmediate);
}
for (const each of people) await until(each.document, ({ saved, status }) => saved && status === "ready");
const words = () => people.map(({ text }) => text().toString());
const whole = Array.from({ length: count }, (_, at) => [`a${at + 1}`, `b${at + 1}`]).flat();
const complete = () => words()[0] === words()[1] && whole.every((word) => words()[0].split(" ").includes(word));
while (!complete()) await new Promise((resolve) => people.forEach(({ document: { getSnapshot } }) => getSnapshot().doc.once("update", resolve)));
assert.deepEqual(words()[0].trim().split(" ").sort(), whole.sort());

for (const { document: each, close, hubbub } of people) {
  close();
  assert.equal(each.getSnapshot().doc, null, "what nobody watches is let go");
  hubbub.close();
}
