const NEAR_END = 60;

/**
 * Keeps what is read where it is while messages come and go above and below, and keeps the end in
 * sight for whoever has it in sight. (The browser's own scroll anchoring knows nothing of the second,
 * and is switched off in favour of this.)
 */
export class ScrollKeeper {
  /** Whether the end is in sight. */
  atEnd = true;
  #element;
  #moved;
  /** @type {{row: HTMLElement, top: number} | null} */
  #anchor = null;
  #observer = new ResizeObserver(() => this.restore());

  /**
   * @param {HTMLElement} element scrolls; its only child holds the rows
   * @param {() => void} moved called after each scroll
   */
  constructor(element, moved) {
    this.#element = element;
    this.#moved = moved;
    element.addEventListener("scroll", this.#scrolled, { passive: true });
    this.#observer.observe(element);
    this.#observer.observe(element.firstElementChild);
  }

  close() {
    this.#element.removeEventListener("scroll", this.#scrolled);
    this.#observer.disconnect();
  }

  /** How far it is to the first and to the last row. */
  get distances() {
    const { scrollTop, scrollHeight, clientHeight } = this.#element;
    return { top: scrollTop, end: scrollHeight - clientHeight - scrollTop };
  }

  /** Put back what was in sight, after the rows or the room for them have changed. */
  restore() {
    if (this.atEnd) {
      this.#element.scrollTop = this.#element.scrollHeight;
    } else if (this.#anchor?.row.isConnected) {
      this.#element.scrollTop += this.#anchor.row.offsetTop - this.#anchor.top;
    }
    this.#remember();
  }

  toEnd() {
    this.atEnd = true;
    this.restore();
    this.#moved();
  }

  /**
   * Bring a row into sight, at a third of the height.
   *
   * @param {HTMLElement} row
   */
  toRow(row) {
    this.#element.scrollTop = row.offsetTop - this.#element.clientHeight / 3;
    this.#scrolled();
  }

  #scrolled = () => {
    this.atEnd = this.distances.end < NEAR_END;
    this.#remember();
    this.#moved();
  };

  /** The topmost row in sight is what the reader's eye rests on. */
  #remember() {
    const rows = [...this.#element.querySelectorAll("[data-row]")];
    const top = this.#element.scrollTop;
    let [low, high] = [0, rows.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (rows[middle].offsetTop + rows[middle].offsetHeight <= top) low = middle + 1;
      else high = middle;
    }
    this.#anchor = rows[low] ? { row: rows[low], top: rows[low].offsetTop } : null;
  }
}
