/**
 * The others who have a document open, and where they are in it, as the server tells: put into the awareness, where
 * editors for Yjs look for them, and listed, each person once. The server says who has gone, so nobody is forgotten by
 * the awareness's own clock.
 *
 * @typedef {import("./types.js").Collaborator} Collaborator
 */
export class RemoteCursors {
  #awareness;
  #me;
  #changed;

  /**
   * @param {any} awareness of y-protocols
   * @param {string} me id of this user
   * @param {(collaborators: Collaborator[]) => void} changed gets the others
   */
  constructor(awareness, me, changed) {
    this.#awareness = awareness;
    this.#me = me;
    this.#changed = changed;
    awareness.setLocalState(null);
  }

  /**
   * Let the others see where this one is, or no longer.
   *
   * @param {boolean} shown
   */
  show(shown) {
    if (shown !== (this.#awareness.getLocalState() !== null)) this.#awareness.setLocalState(shown ? {} : null);
  }

  /** @param {Collaborator[]} everyone who has the document open */
  told(everyone) {
    this.#place(new Map(everyone.filter(({ clientId }) => clientId !== null).map((each) => [each.clientId, each])));
    const others = everyone.filter(({ userId }) => userId !== this.#me);
    this.#changed([...new Map(others.map((each) => [each.userId, each])).values()]);
  }

  /** @param {Map<number, Collaborator>} present by their numbers in Yjs */
  #place(present) {
    const { states, clientID } = this.#awareness;
    present.delete(clientID);
    const removed = [...states.keys()].filter((client) => client !== clientID && !present.has(client));
    const added = [...present.keys()].filter((client) => !states.has(client));
    const updated = [...present.keys()].filter((client) => states.has(client));
    for (const client of removed) states.delete(client);
    for (const [client, { name, color, cursor }] of present) {
      states.set(client, { user: { name, color, colorLight: `${color}40` }, cursor });
    }
    if (removed.length + present.size === 0) return;
    for (const event of ["change", "update"]) this.#awareness.emit(event, [{ added, updated, removed }, "remote"]);
  }
}
