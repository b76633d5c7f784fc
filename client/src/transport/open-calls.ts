import { StateError } from "../errors.js";

/** What can be cancelled: a call under way. */
interface Call {
  cancel(): void;
}

/** The calls that are under way on one connection, so that closing can end them. */
export class OpenCalls {
  readonly #calls = new Set<Call>();
  readonly #closing = new AbortController();

  /** Is aborted by closing, for calls that pause between two attempts. */
  get closed(): AbortSignal {
    return this.#closing.signal;
  }

  /**
   * Returns if calls may be made.
   *
   * @throws StateError `failed_precondition` once it is closed.
   */
  check(): void {
    if (!this.closed.aborted) return;
    throw new StateError("failed_precondition", "the connection was closed: connect again");
  }

  add(call: Call): void {
    this.#calls.add(call);
  }

  delete(call: Call): void {
    this.#calls.delete(call);
  }

  /** Cancels all calls, and lets none begin any more. */
  close(): void {
    this.#closing.abort();
    for (const call of this.#calls) call.cancel();
  }
}
