/**
 * Why an action failed: the error object of a Hubbub reply, as something that can be thrown.
 *
 * Failures that never reached the server (not connected, no answer in time) carry the code
 * `unavailable` too: in both cases nothing is known to have happened, and trying again is safe for
 * reads and for whatever carries a `clientId`.
 */
export class HubbubError extends Error {
  /**
   * @param {import("./types.js").ErrorReply} reply
   * @param {{cause?: unknown}} [options]
   */
  constructor(reply, options) {
    super(reply.message, options);
    this.name = "HubbubError";
    /** One of the codes of the contract: `unauthenticated`, `forbidden`, `not_found`, `invalid`, … */
    this.code = reply.code;
    /** For `invalid`: the messages for each field. */
    this.fields = reply.fields ?? {};
    /** For `rate_limited`: seconds to wait. */
    this.retryAfter = reply.retryAfter ?? null;
    /** For `conflict`: the stored value. */
    this.current = reply.current ?? null;
  }

  /** Whether the same request may succeed later, unchanged. */
  get retryable() {
    return this.code === "unavailable" || this.code === "rate_limited";
  }
}
