import { Observable } from "../client/observable.js";
import { useStore } from "./view.js";

const TICK_MS = 20_000;

/**
 * The time, for words such as "2m ago"; one timer for all who look at it, none when nobody does.
 *
 * @extends {Observable<{now: number}>}
 */
class Clock extends Observable {
  #timer;

  constructor() {
    super({ now: Date.now() });
  }

  wake() {
    this.change({ now: Date.now() });
    this.#timer = setInterval(() => this.change({ now: Date.now() }), TICK_MS);
  }

  rest() {
    clearInterval(this.#timer);
  }
}

const clock = new Clock();

/** @returns {number} milliseconds since 1970, now and then anew */
export const useNow = () => useStore(clock).now;
