import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { test } from "node:test";

import { Documents } from "../../static/client/documents.js";
import { HubbubError } from "../../static/client/errors.js";
import { memoryStorage } from "../../static/client/storage.js";
import { settled, surroundings, until } from "./scripted.mjs";

const requireInStatic = createRequire(new URL("../../static/package.json", import.meta.url));
const yjs = { ...requireInStatic("yjs"), ...requireInStatic("y-protocols/awareness") };

const text = (doc) => doc.getText("content").toString();
const about = (more) => ({ id: "d1", title: "Plan", version: 1, mine: "owner", ownerId: "ada", ...more });

/** The server's side of one document, answering a scripted connection by hand. */
class Server {
  doc = new yjs.Doc();
  n = 0;

  write(at, words) {
    let update;
    this.doc.once("update", (made) => (update = made));
    this.doc.getText("content").insert(at, words);
    return { event: "document:updated", channel: "document:d1", data: { documentId: "d1", update, userId: "bo", n: ++this.n } };
  }

  opened({ stateVector }, { collaborators = [], ...more } = {}) {
    return {
      document: about(more),
      update: yjs.encodeStateAsUpdate(this.doc, stateVector),
      stateVector: yjs.encodeStateVector(this.doc),
      n: this.n,
      collaborators,
    };
  }

  take({ update }) {
    yjs.applyUpdate(this.doc, update);
    return { documentId: "d1", n: ++this.n };
  }
}

async function opened(t, { server = new Server(), more = {}, ...options } = {}) {
  const hubbub = { ...surroundings({ documentHoleMs: 5, cursorMs: 1 }), ...options };
  const documents = new Documents(hubbub);
  const document = documents.open("d1", yjs);
  const close = document.subscribe(() => {});
  const { connection } = hubbub;
  const { payload, resolve } = await connection.nextOf("document:open");
  resolve(server.opened(payload, more));
  await until(document, ({ status }) => status === "ready");
  await settled();
  t.after(() => document.getSnapshot().awareness?.destroy());
  const edit = (words, at = 0) => document.getSnapshot().doc.getText("content").insert(at, words);
  const shown = () => text(document.getSnapshot().doc);
  const take = async () => {
    const call = await connection.nextOf("document:update");
    call.resolve(server.take(call.payload));
    await settled();
  };
  return { ...hubbub, hubbub, documents, document, server, edit, shown, take, close };
}

test("what others write appears, and what is written here is saved", async (t) => {
  const { connection, document, server, edit, shown, take } = await opened(t);
  connection.deliver(server.write(0, "world"));
  assert.equal(shown(), "world");
  edit("Hello ");
  assert.equal(document.getSnapshot().saved, false);
  await take();
  assert.equal(text(server.doc), "Hello world");
  assert.equal(document.getSnapshot().saved, true);
});

test("what is written while a batch is under way goes out in the next one", async (t) => {
  const { connection, server, edit } = await opened(t);
  edit("a");
  const first = await connection.nextOf("document:update");
  edit("b", 1);
  edit("c", 2);
  await settled();
  assert.equal(connection.calls.length, 0);
  first.resolve(server.take(first.payload));
  const second = await connection.nextOf("document:update");
  second.resolve(server.take(second.payload));
  await settled();
  assert.equal(text(server.doc), "abc");
  assert.equal(connection.calls.length, 0);
});

test("after a reconnect both sides have what the other wrote meanwhile", async (t) => {
  const { connection, document, server, edit, shown, take } = await opened(t);
  edit("shared ");
  await take();
  connection.lose();
  assert.equal(document.getSnapshot().status, "reconnecting");
  edit("mine ");
  server.write(7, "theirs");
  connection.regain();
  const { payload, resolve } = await connection.nextOf("document:open");
  resolve(server.opened(payload));
  await take();
  assert.equal(shown(), text(server.doc));
  assert.equal(shown(), "mine shared theirs");
  assert.deepEqual([document.getSnapshot().status, document.getSnapshot().saved], ["ready", true]);
});

test("an edit that was taken without an answer is not doubled", async (t) => {
  const { connection, server, edit, shown, take } = await opened(t);
  edit("once");
  const { payload, reject } = await connection.nextOf("document:update");
  server.take(payload);
  connection.lose();
  reject(new HubbubError({ code: "unavailable", message: "Lost." }));
  connection.regain();
  const open = await connection.nextOf("document:open");
  open.resolve(server.opened(open.payload));
  await take();
  assert.deepEqual([shown(), text(server.doc)], ["once", "once"]);
});

test("a hole in the numbers is filled by opening again; what only comes late is waited for", async (t) => {
  const { connection, document, server, shown } = await opened(t);
  const [first, second] = [server.write(0, "a"), server.write(1, "b")];
  connection.deliver(second);
  connection.deliver(first);
  assert.equal(shown(), "ab");
  server.write(2, "c");
  connection.deliver(server.write(3, "d"));
  assert.equal(shown(), "ab", "what builds upon a missing edit waits for it");
  const { payload, resolve } = await connection.nextOf("document:open");
  assert.equal(connection.calls.length, 0, "the hole that closed by itself asked nothing");
  resolve(server.opened(payload));
  await until(document, ({ doc }) => text(doc) === "abcd");
});

test("that the last edit was missed shows when the document is saved, and so does another title", async (t) => {
  const { connection, document, server } = await opened(t);
  const saved = (n, more) => connection.deliver({ event: "document:saved", channel: "document:d1", seq: 1, data: { documentId: "d1", version: 2, n, ...more } });
  connection.deliver(server.write(0, "a"));
  saved(1, { title: "Plan B" });
  assert.deepEqual([document.getSnapshot().document.title, document.getSnapshot().document.version], ["Plan B", 2]);
  server.write(1, "b");
  saved(2);
  const { payload, resolve } = await connection.nextOf("document:open");
  resolve(server.opened(payload, { version: 2 }));
  await until(document, ({ doc }) => text(doc) === "ab");
});

test("who may only read gets no cursor and cannot write", async (t) => {
  const { connection, document } = await opened(t, { more: { mine: "read" } });
  assert.equal(document.getSnapshot().canWrite, false);
  assert.deepEqual(connection.signals, []);
});

test("the others are listed each once, with their cursors where editors look for them", async (t) => {
  const { connection, document } = await opened(t);
  const heard = [];
  const { awareness, doc } = document.getSnapshot();
  awareness.on("change", ({ added, removed }) => heard.push([added, removed]));
  const bo = { userId: "bo", name: "Bo", color: "#005fb3", cursor: { anchor: 1, head: 1 }, clientId: 7 };
  const own = { userId: "ada", name: "Ada", color: "#a3298c", cursor: null, clientId: doc.clientID };
  const tell = (collaborators) => connection.deliver({ event: "document:collaborators", channel: "document:d1", data: { collaborators } });
  tell([own, bo, { ...bo, clientId: 8 }, { userId: "cy", name: "Cy", color: "#3f6b00", cursor: null, clientId: null }]);
  assert.deepEqual(document.getSnapshot().collaborators.map(({ name }) => name), ["Bo", "Cy"]);
  assert.deepEqual(awareness.getStates().get(7), { user: { name: "Bo", color: "#005fb3", colorLight: "#005fb340" }, cursor: bo.cursor });
  tell([own]);
  assert.deepEqual(heard, [[[7, 8], []], [[], [7, 8]]]);
  assert.deepEqual(document.getSnapshot().collaborators, []);
});

test("where the cursor is goes to the others, the newest place once in a while", async (t) => {
  const { connection, document } = await opened(t);
  const { awareness, doc } = document.getSnapshot();
  const own = () => {
    const [, { update }] = connection.signals.at(-1);
    const copy = new yjs.Awareness(new yjs.Doc());
    t.after(() => copy.destroy());
    yjs.applyAwarenessUpdate(copy, update, null);
    return copy.getStates().get(doc.clientID);
  };
  while (connection.signals.length === 0) await settled();
  assert.deepEqual(own(), {});
  for (const at of [1, 2, 3]) awareness.setLocalStateField("cursor", { anchor: at, head: at });
  while (connection.signals.length === 1) await settled();
  assert.deepEqual(own(), { cursor: { anchor: 3, head: 3 } });
  assert.equal(connection.signals.length, 2);
});

test("what may not be written any more is said, and can be given up", async (t) => {
  const { connection, document, server, edit, shown } = await opened(t);
  connection.deliver(server.write(0, "kept"));
  edit("refused ");
  (await connection.nextOf("document:update")).reject(new HubbubError({ code: "forbidden", message: "You may read it only." }));
  await until(document, ({ error }) => error !== null);
  assert.deepEqual([document.getSnapshot().canWrite, document.getSnapshot().saved], [false, false]);
  document.discard();
  t.after(() => document.getSnapshot().awareness?.destroy());
  const { payload, resolve } = await connection.nextOf("document:open");
  resolve(server.opened(payload, { mine: "read" }));
  await until(document, ({ status }) => status === "ready");
  assert.deepEqual([shown(), document.getSnapshot().saved, document.getSnapshot().error], ["kept", true, null]);
});

test("a document that there is not says so", async (t) => {
  const hubbub = surroundings();
  const document = new Documents(hubbub).open("d1", yjs);
  t.after(document.subscribe(() => {}));
  t.after(() => document.getSnapshot().awareness?.destroy());
  (await hubbub.connection.nextOf("document:open")).reject(new HubbubError({ code: "not_found", message: "There is none." }));
  const { error } = await until(document, ({ status }) => status === "failed");
  assert.equal(error.message, "There is none.");
});

/** A page that was left with an edit that the server does not have; its storage, and the server. */
async function left(t) {
  const storage = memoryStorage();
  const { connection, edit, take, server } = await opened(t, { storage });
  edit("first ");
  await take();
  connection.lose();
  edit("second", 6);
  await settled();
  return { storage, server };
}

test("edits made without a connection survive a reload and are sent by the next page, whether or not it opens the document", async (t) => {
  const { storage, server } = await left(t);
  const hubbub = { ...surroundings(), storage };
  const documents = new Documents(hubbub);
  const sent = await hubbub.connection.nextOf("document:update");
  assert.deepEqual(documents.getSnapshot().unsent, ["d1"]);
  sent.resolve(server.take(sent.payload));
  await until(documents, ({ unsent }) => unsent.length === 0);
  assert.equal(text(server.doc), "first second");
  await settled();
  assert.deepEqual(await storage.entries("edits/"), [], "what the server has is not kept");
});

test("a document that is opened before what was left of it is sent has it", async (t) => {
  const { storage, server } = await left(t);
  const hubbub = { ...surroundings(), storage };
  hubbub.connection.lose();
  const documents = new Documents(hubbub);
  const refused = await hubbub.connection.nextOf("document:update");
  refused.reject(new HubbubError({ code: "unavailable", message: "Not connected." }));
  const document = documents.open("d1", yjs);
  t.after(document.subscribe(() => {}));
  t.after(() => document.getSnapshot().awareness?.destroy());
  assert.deepEqual([documents.getSnapshot().unsent, document.getSnapshot().saved], [[], false]);
  hubbub.connection.regain();
  const open = await hubbub.connection.nextOf("document:open");
  open.resolve(server.opened(open.payload));
  const sent = await hubbub.connection.nextOf("document:update");
  sent.resolve(server.take(sent.payload));
  await until(document, ({ saved }) => saved);
  assert.deepEqual([text(server.doc), text(document.getSnapshot().doc)], ["first second", "first second"]);
});

test("what was left and is refused stays, for whoever opens the document", async (t) => {
  const { storage } = await left(t);
  const hubbub = { ...surroundings(), storage };
  const documents = new Documents(hubbub);
  const sent = await hubbub.connection.nextOf("document:update");
  sent.reject(new HubbubError({ code: "forbidden", message: "You may read it only." }));
  await settled();
  assert.deepEqual([documents.getSnapshot().unsent, hubbub.reported], [["d1"], []]);
  assert.equal((await storage.entries("edits/")).length, 1);
});

test("when nobody looks any more it is left, after what was written has gone out", async (t) => {
  const { connection, documents, document, edit, take, close } = await opened(t);
  edit("last words");
  close();
  await settled();
  assert.ok(!connection.calls.some(({ action }) => action === "document:close"));
  assert.equal(documents.open("d1", yjs), document, "it is still this one that sends them");
  await take();
  (await connection.nextOf("document:close")).resolve({ documentId: "d1" });
  assert.equal(document.getSnapshot().doc, null);
  const next = documents.open("d1", yjs);
  t.after(() => next.getSnapshot().awareness?.destroy());
  assert.notEqual(next, document);
});
