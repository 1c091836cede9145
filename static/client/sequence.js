/** Which of the numbers that count on one by one have been seen, in whatever order they come. */
export class Sequence {
  /** Up to here all were. @type {number | null} */
  #complete = null;
  /** @type {Set<number>} */
  #beyond = new Set();

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

  get hasHole() {
    return this.#complete !== null && this.#beyond.size > 0;
  }

  #advance() {
    while (this.#complete !== null && this.#beyond.delete(this.#complete + 1)) this.#complete++;
  }
}
