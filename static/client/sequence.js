/** Which of the numbers that count on one by one have been seen, in whatever order they come. */
export class Sequence {
  /** Up to here all were. @type {number | null} */
  #complete = null;
  /** @type {Set<number>} */
  #beyond = new Set();
  /** The greatest that there is, as far as is known. */
  #newest = 0;

  /** @param {number} number up to which nothing is missing */
  begin(number) {
    this.#complete = Math.max(number, this.#complete ?? 0);
    this.#beyond = new Set([...this.#beyond].filter((each) => each > number));
    this.#advance();
  }

  /** @param {number} number */
  saw(number) {
    if (this.#complete === null || number > this.#complete) this.#beyond.add(number);
    this.#advance();
  }

  /**
   * Numbers are known to reach that far, whether or not they were seen.
   *
   * @param {number} number
   */
  reaches(number) {
    this.#newest = Math.max(this.#newest, number);
  }

  get hasHole() {
    return this.#complete !== null && (this.#beyond.size > 0 || this.#newest > this.#complete);
  }

  #advance() {
    while (this.#complete !== null && this.#beyond.delete(this.#complete + 1)) this.#complete++;
  }
}
