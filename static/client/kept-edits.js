import { Kept } from "./kept.js";

/**
 * Edits of documents that the server has not acknowledged, kept over a reload. What earlier pages have left is sent as
 * it is, which takes no Yjs, unless the document is opened before.
 */
export class KeptEdits {
  #connection;
  /** @type {Kept<Uint8Array[]>} */
  #kept;
  /** What earlier pages have left, by document. @type {Map<string, Uint8Array[]>} */
  #left = new Map();
  /** @type {Map<string, (updates: Uint8Array[]) => void>} */
  #takers = new Map();
  #changed;
  /** @type {Promise<void> | null} */
  #sending = null;

  /**
   * @param {import("./hubbub.js").Surroundings} hubbub
   * @param {(documentIds: string[]) => void} changed gets the documents of which something is left
   */
  constructor(hubbub, changed) {
    this.#kept = new Kept(hubbub, "edits");
    this.#connection = hubbub.connection;
    this.#changed = changed;
    const take = (/** @type {[string, Uint8Array[]][]} */ found) => {
      for (const [id, updates] of found) this.#found(id, updates);
      hubbub.background(this.#send());
    };
    const resume = () => this.#kept.adopt(take).then(() => this.#send());
    hubbub.connection.on("live", () => hubbub.background(resume()));
    hubbub.background(resume());
  }

  /**
   * Give what is left of a document, and what may still be found, to who sends it.
   *
   * @param {string} documentId
   * @param {(updates: Uint8Array[]) => void} take
   * @returns {() => void} ends that
   */
  onFound(documentId, take) {
    this.#takers.set(documentId, take);
    const left = this.#left.get(documentId);
    if (left) {
      this.#forget(documentId);
      take(left);
    }
    return () => void this.#takers.delete(documentId);
  }

  /**
   * @param {string} documentId
   * @param {Uint8Array[]} updates all that the server lacks
   * @returns {Promise<void>} when they, or newer ones, are kept
   */
  put(documentId, updates) {
    return this.#kept.put(documentId, updates);
  }

  /** @param {string} documentId */
  drop(documentId) {
    this.#kept.drop(documentId);
  }

  /** Leave what is kept to the next one who signs in as this person. */
  close() {
    return this.#kept.close();
  }

  /** Send what is left. What is refused stays, so that whoever opens the document is told. */
  #send() {
    this.#sending ??= this.#sendAll().finally(() => (this.#sending = null));
    return this.#sending;
  }

  async #sendAll() {
    // What is found meanwhile comes in behind.
    for (const [documentId, updates] of this.#left) {
      try {
        for (const update of updates) await this.#connection.call("document:update", { documentId, update });
      } catch (error) {
        if (/** @type {any} */ (error).retryable) throw error;
        continue;
      }
      if (this.#left.get(documentId) !== updates) continue;
      this.#forget(documentId);
      this.drop(documentId);
    }
  }

  /** @param {string} documentId */
  #forget(documentId) {
    this.#left.delete(documentId);
    this.#changed([...this.#left.keys()]);
  }

  /**
   * @param {string} documentId
   * @param {Uint8Array[]} updates
   */
  #found(documentId, updates) {
    const take = this.#takers.get(documentId);
    if (take) return take(updates);
    const left = [...(this.#left.get(documentId) ?? []), ...updates];
    this.#left.set(documentId, left);
    void this.put(documentId, left);
    this.#changed([...this.#left.keys()]);
  }
}
