import { StateError } from "../domain/errors.js";

/** A stream under way, as far as {@link LiveStreams} needs to know it. */
export interface Stoppable {
  /** Ends the stream with an error. Does nothing if it has ended. */
  stop(reason: StateError): void;
}

/** The streams that a server has open, so that it can end them all. */
export class LiveStreams {
  readonly #streams = new Set<Stoppable>();
  #draining = false;

  /** Takes a stream in; while the server drains, the stream is stopped at once. */
  add(stream: Stoppable): void {
    this.#streams.add(stream);
    if (this.#draining) stream.stop(drainingError());
  }

  /** Forgets a stream that has ended. */
  delete(stream: Stoppable): void {
    this.#streams.delete(stream);
  }

  /** Ends every stream, and every one to come, with `unavailable`, reason DRAINING. */
  drain(): void {
    this.#draining = true;
    for (const stream of this.#streams) stream.stop(drainingError());
  }
}

function drainingError(): StateError {
  const message = "the server is shutting down; connect again and resume the stream";
  return new StateError("unavailable", "DRAINING", message);
}
