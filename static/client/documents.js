import { Document } from "./document.js";
import { newId } from "./ids.js";
import { KeptEdits } from "./kept-edits.js";
import { PagedList } from "./paged-list.js";

/**
 * The documents that are this user's own or shared with them by name, newest first.
 *
 * @typedef {import("./types.js").SharedDocument} SharedDocument
 * @typedef {import("./types.js").DocumentVersion} DocumentVersion
 *
 * @extends {PagedList<SharedDocument, {unsent: string[]}>}
 */
export class Documents extends PagedList {
  #hubbub;
  #edits;
  /** @type {Map<string, Document>} */
  #open = new Map();

  /** @param {import("./hubbub.js").Surroundings} hubbub */
  constructor(hubbub) {
    const query = { action: "document:list", plural: "documents", payload: {}, limit: hubbub.settings.documentPage };
    super(hubbub, (consumer) => hubbub.channels.follow(`user:${hubbub.me.id}`, consumer), query, { unsent: [] });
    this.#hubbub = hubbub;
    this.#edits = new KeptEdits(hubbub, (unsent) => this.change({ unsent }));
  }

  /**
   * One document, to write in.
   *
   * @param {string} documentId
   * @param {import("./document.js").Yjs} yjs
   * @returns {Document}
   */
  open(documentId, yjs) {
    const known = this.#open.get(documentId);
    if (known) return known;
    const left = () => void this.#open.delete(documentId);
    const document = new Document(this.#hubbub, documentId, yjs, this.#edits, left);
    this.#open.set(documentId, document);
    return document;
  }

  /**
   * @param {{title: string, content?: string}} draft
   * @returns {Promise<SharedDocument>}
   */
  async create({ title, content = "" }) {
    const document = await this.call("document:create", { title, content, clientId: newId() });
    this.put(document);
    return document;
  }

  /**
   * @param {string} documentId
   * @returns {Promise<SharedDocument>} as it was saved last
   */
  get(documentId) {
    return this.call("document:get", { documentId });
  }

  /**
   * @param {string} documentId
   * @param {string} title
   */
  async rename(documentId, title) {
    this.put(await this.call("document:save", { documentId, title }));
  }

  /**
   * @param {string} documentId
   * @param {SharedDocument["access"]} access replaces what it was
   */
  async share(documentId, access) {
    this.put(await this.call("document:share", { documentId, ...access }));
  }

  /** @param {string} documentId */
  delete(documentId) {
    return this.covered(documentId, () => null, async () => {
      await this.call("document:delete", { documentId });
      this.remove(documentId);
    });
  }

  /**
   * @param {string} documentId
   * @param {{before?: string}} [range]
   * @returns {Promise<{versions: DocumentVersion[], hasMore: boolean}>} newest first
   */
  versions(documentId, range = {}) {
    return this.call("document:history", { documentId, ...range });
  }

  /**
   * Give what the document is now a name, to come back to.
   *
   * @param {string} documentId
   * @param {string} name
   * @returns {Promise<DocumentVersion>}
   */
  snapshot(documentId, name) {
    return this.call("document:snapshot", { documentId, name });
  }

  /**
   * Make a version's text the document's again; whoever has it open sees that.
   *
   * @param {string} documentId
   * @param {string} versionId
   */
  restore(documentId, versionId) {
    return this.call("document:restore", { documentId, versionId });
  }

  /**
   * @protected
   * @param {import("./types.js").Envelope} envelope
   */
  apply({ event, data }) {
    if (event === "document:added") this.put(data.document);
    else if (event === "document:removed") this.remove(data.documentId);
  }

  /** Leave what was not sent to the next one who signs in as this person. */
  close() {
    return this.#edits.close();
  }
}
