import { Kept } from "./kept.js";

/** Edits of documents that the server has not acknowledged, kept over a reload. */
export class KeptEdits {
  /** @type {Kept<Uint8Array[]>} */
  #kept;
  /** What earlier pages have left, by document, until that is opened. @type {Map<string, Uint8Array[]>} */
  #left = new Map();
  /** @type {Map<string, (updates: Uint8Array[]) => void>} */
  #takers = new Map();
  #changed;

  /**
   * @param {import("./hubbub.js").Surroundings} hubbub
   * @param {(documentIds: string[]) => void} changed gets the documents of which something is left
   */
  constructor(hubbub, changed) {
    this.#kept = new Kept(hubbub, "edits");
    this.#changed = changed;
    const adopt = () => void this.#kept.adopt((found) => found.forEach(([id, updates]) => this.#found(id, updates)));
    hubbub.connection.on("live", adopt);
    adopt();
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
      this.#left.delete(documentId);
      this.#changed([...this.#left.keys()]);
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
