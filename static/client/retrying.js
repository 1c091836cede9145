/** @param {number} ms */
export const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/**
 * How long to wait before the next try: what the server asked for, else a pause that doubles, with
 * jitter so that many clients do not come back in one moment.
 *
 * @param {number} attempt 0 for the first failure
 * @param {any} error
 * @param {import("./settings.js").Settings} settings
 * @returns {number} milliseconds
 */
export function retryDelay(attempt, error, settings) {
  const jitter = 0.5 + Math.random() / 2;
  if (error?.retryAfter) return error.retryAfter * 1000 + jitter * 250;
  return jitter * Math.min(settings.retryDelayMs * 2 ** attempt, settings.retryDelayMaxMs);
}

/**
 * Repeat `work` as long as it fails for a passing reason and the connection stands; after a
 * disconnect whoever needs the result asks again.
 *
 * @template T
 * @param {() => Promise<T>} work
 * @param {{live: boolean}} connection
 * @param {import("./settings.js").Settings} settings
 * @returns {Promise<T>}
 */
export async function persistently(work, connection, settings) {
  for (let attempt = 0; ; attempt++) {
    try {
      return await work();
    } catch (error) {
      if (!(/** @type {any} */ (error).retryable) || !connection.live) throw error;
      await sleep(retryDelay(attempt, error, settings));
    }
  }
}

/**
 * Let calls share one run of `work`. Whoever calls during a run gets the next one, because the
 * present one may have looked too early for them; at most one run waits.
 *
 * @template T
 * @param {() => Promise<T>} work
 * @returns {() => Promise<T>}
 */
export function shared(work) {
  /** @type {Promise<T> | null} */
  let running = null;
  /** @type {Promise<T> | null} */
  let next = null;
  const run = () => {
    const result = work();
    running = result;
    const done = () => {
      if (running === result) running = null;
    };
    result.then(done, done);
    return result;
  };
  return () => {
    if (!running) return run();
    next ??= running.then(noop, noop).then(() => {
      next = null;
      return run();
    });
    return next;
  };
}

const noop = () => {};
