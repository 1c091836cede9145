/**
 * Editors for the tests: stock yjs, y-protocols and socket.io-client, as docs/documents.md has them work together.
 *
 * In:  {reply, do, editor, …}   one of the commands below; `reply` is repeated in its answer
 * Out: {reply, value} or {reply, error}
 */
import { createRequire } from "node:module";
import { createInterface } from "node:readline";

const load = createRequire(new URL("../../static/package.json", import.meta.url));
const { io } = load("socket.io-client");
const Y = load("yjs");
const { Awareness, encodeAwarenessUpdate } = load("y-protocols/awareness");

/** How long a hole in the numbers may be one of order alone: workers' signals may overtake each other. */
const HOLE_MS = 500;
/** How long after an edit that was refused for the moment it is tried again. */
const AGAIN_MS = 300;

class Editor {
  constructor(url, token, documentId) {
    this.documentId = documentId;
    this.doc = new Y.Doc();
    this.text = this.doc.getText("content");
    this.awareness = new Awareness(this.doc);
    this.collaborators = [];
    this.errors = [];
    this.acknowledged = 0;
    this.reopened = 0;
    this.unsent = 0;
    this.heard = new Set();
    this.newest = 0;
    this.n = null;
    this.socket = io(url, {
      auth: token ? { token } : {}, forceNew: true, transports: ["websocket"],
      reconnectionDelay: 20, reconnectionDelayMax: 200,
    });
    this.doc.on("update", (update, origin) => origin !== "server" && this.send(update));
    this.awareness.on("update", (_changes, origin) => origin === "local" && this.say());
    this.socket.on("connect", () => this.open());
    this.socket.on("document:updated", ({ data }) => this.updated(data));
    this.socket.on("document:saved", ({ data }) => this.noted(data.n));
    this.socket.on("document:collaborators", ({ data }) => (this.collaborators = data.collaborators));
  }

  async open() {
    const { documentId } = this;
    const asked = { documentId, stateVector: Buffer.from(Y.encodeStateVector(this.doc)) };
    const reply = await this.call("document:open", asked);
    if (!reply?.ok) return;
    const { update, stateVector, collaborators, n } = reply.data;
    this.collaborators = collaborators;
    this.n = n;
    this.reopened += 1;
    Y.applyUpdate(this.doc, new Uint8Array(update), "server");
    // What was written while this editor was away, or never acknowledged.
    const mine = Y.encodeStateAsUpdate(this.doc, new Uint8Array(stateVector));
    if (mine.length > 2) this.send(mine);
    this.say();
  }

  async send(update) {
    if (!this.socket.connected) return;
    this.unsent += 1;
    const reply = await this.call("document:update", { documentId: this.documentId, update: Buffer.from(update) });
    this.unsent -= 1;
    if (reply?.ok) this.acknowledged += 1;
    // Opening again sends whatever the server lacks.
    else if (["rate_limited", "unavailable"].includes(reply?.error.code)) setTimeout(() => this.open(), AGAIN_MS);
  }

  say() {
    if (!this.socket.connected) return;
    const update = Buffer.from(encodeAwarenessUpdate(this.awareness, [this.doc.clientID]));
    this.call("document:awareness", { documentId: this.documentId, update });
  }

  updated({ documentId, update, n }) {
    if (documentId !== this.documentId) return;
    Y.applyUpdate(this.doc, new Uint8Array(update), "server");
    this.heard.add(n);
    while (this.n !== null && this.heard.delete(this.n + 1)) this.n += 1;
    this.noted(n);
  }

  /** There are so many edits; opening again brings those that never came. */
  noted(n) {
    this.newest = Math.max(this.newest, n);
    if (this.newest > this.n) setTimeout(() => this.closeHole(), HOLE_MS);
  }

  closeHole() {
    if (this.newest <= this.n || !this.socket.connected) return;
    this.heard.clear();
    this.open();
  }

  call(event, payload) {
    return new Promise((resolve) => {
      this.socket.timeout(5000).emit(event, payload, (error, reply) => {
        if (reply && !reply.ok) this.errors.push(reply.error);
        resolve(error ? null : reply);
      });
    });
  }
}

const editors = new Map();

const commands = {
  async start({ editor: key, url, token, documentId }) {
    const editor = new Editor(url, token, documentId);
    editors.set(key, editor);
    await until(() => editor.n !== null || editor.errors.length);
    return commands.state({ editor: key });
  },

  insert({ editor: key, at, text }) {
    const { text: shared } = editors.get(key);
    shared.insert(Math.min(at ?? shared.length, shared.length), text);
  },

  remove({ editor: key, at, length }) {
    const { text: shared } = editors.get(key);
    const from = Math.min(at, shared.length);
    shared.delete(from, Math.min(length, shared.length - from));
  },

  /** Types a text letter by letter, with a pause of so many milliseconds behind each. */
  async type({ editor: key, text, pause }) {
    for (const letter of text) {
      commands.insert({ editor: key, text: letter });
      await new Promise((resolve) => setTimeout(resolve, pause));
    }
  },

  cursor({ editor: key, cursor }) {
    editors.get(key).awareness.setLocalStateField("cursor", cursor);
  },

  state({ editor: key }) {
    const { text, n, collaborators, errors, acknowledged, reopened, unsent, doc, socket } = editors.get(key);
    const vector = Buffer.from(Y.encodeStateVector(doc)).toString("hex");
    const told = { n, collaborators, errors, acknowledged, reopened, unsent, recovered: socket.recovered };
    return { ...told, text: text.toString(), vector, client: doc.clientID };
  },

  async request({ editor: key, event, payload }) {
    return (await editors.get(key).call(event, payload)) ?? null;
  },

  away({ editor: key }) {
    editors.get(key).socket.disconnect();
  },

  back({ editor: key, url }) {
    const { socket } = editors.get(key);
    if (url) socket.io.uri = url;
    socket.connect();
  },

  /** Loses the transport without a word of the protocol; the client comes back by itself. */
  drop({ editor: key }) {
    editors.get(key).socket.io.engine.transport.ws.terminate();
  },
};

async function until(met) {
  for (let waited = 0; !met(); waited += 10) {
    if (waited > 10_000) throw new Error("nothing came within 10 s");
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

createInterface({ input: process.stdin })
  .on("line", async (line) => {
    const command = JSON.parse(line);
    let answer;
    try {
      answer = { reply: command.reply, value: (await commands[command.do](command)) ?? null };
    } catch (error) {
      answer = { reply: command.reply, error: error.message };
    }
    process.stdout.write(`${JSON.stringify(answer)}\n`);
  })
  .on("close", () => process.exit());
