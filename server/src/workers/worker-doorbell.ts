import type { Doorbell } from "../domain/doorbell.js";
import type { FromWorker } from "./worker-messages.js";

/** Tells the workers of one command that sessions have changed, by way of their primary process. */
export class WorkerDoorbell implements Doorbell {
  readonly #send: (message: FromWorker) => void;
  /** The sessions that are to be told of at the end of this turn. */
  readonly #waiting = new Set<string>();
  readonly #listeners = new Set<(sessionIds: readonly string[]) => void>();

  constructor(send: (message: FromWorker) => void) {
    this.#send = send;
  }

  ring(sessionId: string): void {
    if (this.#waiting.size === 0) setImmediate(() => this.#tell());
    this.#waiting.add(sessionId);
  }

  listen(listener: (sessionIds: readonly string[]) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Passes on what another worker has told. */
  hear(sessionIds: readonly string[]): void {
    for (const listener of this.#listeners) listener(sessionIds);
  }

  async close(): Promise<void> {
    this.#listeners.clear();
  }

  #tell(): void {
    const sessionIds = [...this.#waiting];
    this.#waiting.clear();
    this.#send({ kind: "ring", sessionIds });
  }
}
