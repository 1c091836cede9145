/**
 * Changes that are on their way to the server: they lie over a list until they are settled, so a
 * refused one leaves no trace and nothing has to be put back.
 *
 * @template {{id: string}} T
 */
export class Overlays {
  /** @type {{id: string, overlay: (item: T) => T | null}[]} */
  #laid = [];

  /**
   * @param {string} id
   * @param {(item: T) => T | null} overlay null hides it
   * @returns {() => void} shows it as it is again
   */
  lay(id, overlay) {
    const one = { id, overlay };
    this.#laid = [...this.#laid, one];
    return () => (this.#laid = this.#laid.filter((each) => each !== one));
  }

  /**
   * @param {T[]} items as the server has them
   * @returns {T[]} as they are shown
   */
  over(items) {
    if (this.#laid.length === 0) return items;
    return items.flatMap((item) => {
      /** @type {T | null} */
      let shown = item;
      for (const { id, overlay } of this.#laid) if (shown && id === item.id) shown = overlay(shown);
      return shown ? [shown] : [];
    });
  }
}
