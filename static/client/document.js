import { Observable } from "./observable.js";
import { persistently, retryDelay, sleep } from "./retrying.js";
import { RemoteCursors } from "./remote-cursors.js";
import { Sequence } from "./sequence.js";

/**
 * What a document takes of the modules `yjs` and `y-protocols/awareness`; the app imports them and hands them in.
 *
 * @typedef {object} Yjs
 * @property {new () => any} Doc
 * @property {(doc: any, update: Uint8Array, origin?: any) => void} applyUpdate
 * @property {(doc: any) => Uint8Array} encodeStateVector
 * @property {(doc: any, stateVector?: Uint8Array) => Uint8Array} encodeStateAsUpdate
 * @property {(updates: Uint8Array[]) => Uint8Array} mergeUpdates
 * @property {new (doc: any) => any} Awareness
 * @property {(awareness: any, clients: number[]) => Uint8Array} encodeAwarenessUpdate
 *
 * @typedef {import("./types.js").Collaborator} Collaborator
 *
 * @typedef {object} DocumentView
 * @property {"loading" | "ready" | "reconnecting" | "failed"} status   while reconnecting one can go on writing
 * @property {Error | null} error            why it cannot be opened, or why the last edits were refused
 * @property {import("./types.js").SharedDocument | null} document
 * @property {boolean} canWrite
 * @property {boolean} saved                 whether the server has everything that was written here
 * @property {boolean} kept                  whether what it does not have would survive a reload
 * @property {Collaborator[]} collaborators  the others who have it open, each once
 * @property {any} doc                       the Y.Doc; its Y.Text `content` is what the server knows as the text
 * @property {any} awareness                 where everybody is, as editors for Yjs expect it
 */

/**
 * A text that several people write at a time: a Yjs document that is kept in step with the server while it is watched.
 *
 * Edits go out one batch after the other; those made meanwhile, or without a connection, are kept and go out later. After
 * each reconnect, and when an edit of somebody else is missing, both sides tell each other what they lack.
 *
 * @extends {Observable<DocumentView>}
 */
export class Document extends Observable {
  #hubbub;
  #yjs;
  #id;
  /** @type {any} */
  #cursors;
  #kept;
  #onLeft;
  /** @type {() => void} */
  #unfound = () => {};
  /** Edits that the server has not acknowledged. @type {Uint8Array[]} */
  #unsent = [];
  #numbers = new Sequence();
  /** Whether the server tells this connection of the document's edits. */
  #open = false;
  #watched = false;
  #sending = false;
  /** Counts openings, so that what an earlier one brings is recognised and dropped. */
  #turn = 0;
  /** @type {(() => void)[]} */
  #ends = [];
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #holeTimer;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #cursorTimer;

  /**
   * @param {import("./hubbub.js").Surroundings} hubbub
   * @param {string} id
   * @param {Yjs} yjs
   * @param {import("./kept-edits.js").KeptEdits} kept
   * @param {() => void} onLeft nobody looks any more, and the server has everything
   */
  constructor(hubbub, id, yjs, kept, onLeft) {
    super({
      status: "loading",
      error: null,
      document: null,
      canWrite: false,
      saved: true,
      kept: false,
      collaborators: [],
      doc: null,
      awareness: null,
    });
    this.#hubbub = hubbub;
    this.#yjs = yjs;
    this.#id = id;
    this.#kept = kept;
    this.#onLeft = onLeft;
    this.#begin();
  }

  /** With an empty document, and what earlier pages have left; what else is in it, the server tells. */
  #begin() {
    this.#beginEmpty();
    this.#unfound = this.#kept.onFound(this.#id, (updates) => this.#found(updates));
  }

  #beginEmpty() {
    const doc = new this.#yjs.Doc();
    const awareness = new this.#yjs.Awareness(doc);
    doc.on("update", (/** @type {Uint8Array} */ update, /** @type {any} */ origin) => origin !== this && this.#edited(update));
    this.#cursors = new RemoteCursors(awareness, this.#hubbub.me.id, (collaborators) => this.change({ collaborators }));
    awareness.on("update", (/** @type {any} */ _changes, /** @type {any} */ origin) => origin === "local" && this.#tellCursor());
    this.change({ doc, awareness });
  }

  get channel() {
    return `document:${this.#id}`;
  }

  get #doc() {
    return this.getSnapshot().doc;
  }

  /** @protected */
  wake() {
    this.#watched = true;
    if (!this.#doc) this.#begin();
    this.#follow();
    if (this.#open) this.#cursors.show(this.getSnapshot().canWrite);
  }

  /** @protected */
  rest() {
    this.#watched = false;
    this.#cursors.show(false);
    this.#leaveIfDone();
  }

  /** Try again after a failure. */
  retry() {
    this.change({ status: "loading", error: null });
    void this.#sync();
  }

  /** Give up what the server does not have: `doc` and `awareness` are new ones then. */
  discard() {
    this.#unsent = [];
    this.#kept.drop(this.#id);
    this.getSnapshot().awareness.destroy();
    this.#beginEmpty();
    this.change({ saved: true });
    this.retry();
  }

  #follow() {
    if (this.#ends.length > 0) return;
    const { connection } = this.#hubbub;
    if (connection.live) void this.#sync();
    this.#ends = [
      connection.on("envelope", (envelope) => envelope.channel === this.channel && this.#heard(envelope)),
      connection.on("live", () => void this.#sync()),
      connection.on("down", () => this.#down()),
    ];
  }

  /** Tell each other what the other lacks, and hear of everything from here on. */
  async #sync() {
    const turn = ++this.#turn;
    const { connection, settings } = this.#hubbub;
    clearTimeout(this.#holeTimer);
    try {
      const reply = await persistently(
        () => connection.call("document:open", { documentId: this.#id, stateVector: this.#yjs.encodeStateVector(this.#doc) }),
        connection,
        settings,
      );
      if (turn !== this.#turn) return;
      this.#opened(reply);
    } catch (error) {
      if (turn === this.#turn && !(/** @type {any} */ (error).retryable)) this.#failed(error);
    }
  }

  /** @param {any} reply */
  #opened({ document, update, stateVector, n, collaborators }) {
    this.#yjs.applyUpdate(this.#doc, bytes(update), this);
    // What was sent and never answered may have arrived: what is to be sent is what the server lacks.
    if (this.#unsent.length > 0) this.#unsent = [this.#yjs.encodeStateAsUpdate(this.#doc, bytes(stateVector))];
    this.#numbers.begin(n);
    this.#open = true;
    const canWrite = document.mine === "owner" || document.mine === "write";
    this.change({ status: "ready", error: null, document, canWrite });
    this.#cursors.told(collaborators);
    this.#cursors.show(this.#watched && canWrite);
    void this.#send();
  }

  /** @param {any} error */
  #failed(error) {
    this.#open = false;
    this.#cursors.told([]);
    this.change({ status: "failed", error, canWrite: false });
  }

  #down() {
    this.#turn++;
    this.#open = false;
    clearTimeout(this.#holeTimer);
    this.#cursors.told([]);
    if (this.getSnapshot().status === "ready") this.change({ status: "reconnecting" });
    void this.#keep();
  }

  /** @param {Uint8Array} update */
  #edited(update) {
    this.#unsent.push(update);
    this.change({ saved: false });
    if (this.#open) void this.#send();
    else void this.#keep();
  }

  /**
   * An earlier page has left edits. Without what they build upon they change nothing yet, but are part of what is sent.
   *
   * @param {Uint8Array[]} updates
   */
  #found(updates) {
    for (const update of updates) {
      this.#yjs.applyUpdate(this.#doc, update, this);
      this.#edited(update);
    }
    this.#follow();
  }

  /** Send what waits, in one batch after the other. */
  async #send() {
    if (this.#sending) return;
    this.#sending = true;
    const { connection, settings } = this.#hubbub;
    let attempt = 0;
    while (this.#open && this.#unsent.length > 0) {
      const sent = [...this.#unsent];
      try {
        await connection.call("document:update", { documentId: this.#id, update: this.#yjs.mergeUpdates(sent) });
        // After a reconnect what waits is something else.
        this.#unsent = this.#unsent.filter((update) => !sent.includes(update));
        attempt = 0;
      } catch (failure) {
        const error = /** @type {any} */ (failure);
        if (!error.retryable) {
          this.change({ error, canWrite: false });
          break;
        }
        void this.#keep();
        await sleep(retryDelay(attempt++, error, settings));
      }
    }
    this.#sending = false;
    if (this.#unsent.length > 0) return;
    this.#kept.drop(this.#id);
    this.change({ saved: true, kept: false });
    this.#leaveIfDone();
  }

  async #keep() {
    const unsent = this.#unsent;
    const count = unsent.length;
    if (count === 0) return;
    this.change({ kept: false });
    await this.#kept.put(this.#id, [this.#yjs.mergeUpdates(unsent)]);
    if (this.#unsent === unsent && unsent.length === count) this.change({ kept: true });
  }

  /** @param {import("./types.js").Envelope} envelope */
  #heard({ event, data }) {
    if (event === "document:updated") {
      this.#yjs.applyUpdate(this.#doc, bytes(data.update), this);
      this.#numbers.saw(data.n);
      this.#mind();
    } else if (event === "document:collaborators") {
      this.#cursors.told(data.collaborators);
    } else if (event === "document:saved") {
      // The last edit may have been missed, and with it every sign of the hole.
      this.#numbers.reaches(data.n);
      this.#mind();
      const { document } = this.getSnapshot();
      const { version, title = document?.title } = data;
      if (document && version >= document.version) this.change({ document: { ...document, version, title } });
    }
  }

  /** A number that is missing may be on its way; if not, the server is asked. */
  #mind() {
    clearTimeout(this.#holeTimer);
    if (!this.#numbers.hasHole || !this.#open) return;
    this.#holeTimer = setTimeout(() => void this.#sync(), this.#hubbub.settings.documentHoleMs);
  }

  /** The newest place, once in a while. */
  #tellCursor() {
    if (this.#cursorTimer) return;
    this.#cursorTimer = setTimeout(() => {
      this.#cursorTimer = undefined;
      if (!this.#open) return;
      const { doc, awareness } = this.getSnapshot();
      const update = this.#yjs.encodeAwarenessUpdate(awareness, [doc.clientID]);
      this.#hubbub.connection.signal("document:awareness", { documentId: this.#id, update });
    }, this.#hubbub.settings.cursorMs);
  }

  /** Nobody looks any more, and the server has everything: hear of it no longer. */
  #leaveIfDone() {
    if (this.#watched || this.#unsent.length > 0 || this.#ends.length === 0) return;
    for (const end of this.#ends) end();
    this.#ends = [];
    const open = this.#open;
    this.#down();
    this.#unfound();
    this.getSnapshot().awareness.destroy();
    this.change({ status: "loading", doc: null, awareness: null });
    this.#onLeft();
    const { background, connection } = this.#hubbub;
    if (open) background(connection.call("document:close", { documentId: this.#id }));
  }
}

/**
 * What came as binary: a Buffer in Node, an ArrayBuffer in browsers.
 *
 * @param {any} value
 * @returns {Uint8Array}
 */
const bytes = (value) => (value instanceof ArrayBuffer ? new Uint8Array(value) : value);
