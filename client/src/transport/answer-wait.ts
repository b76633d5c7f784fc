import { StateError } from "../errors.js";
import type { DuplexCall } from "./duplex-call.js";

/** Watches over the answers that one user of a stream waits for, across all its calls. */
export class AnswerWait {
  readonly #timeoutMs: number;
  #deadline = Infinity;

  /** `timeoutMs` is how long an answer may take that is waited for. */
  constructor(timeoutMs: number) {
    this.#timeoutMs = timeoutMs;
  }

  /** By when an answer must come, by the clock of `performance.now()`; Infinity if none is due. */
  get deadline(): number {
    return this.#deadline;
  }

  /** Says that an answer is due; if one was before, its deadline stays. */
  begin(): void {
    if (this.#deadline === Infinity) this.#deadline = performance.now() + this.#timeoutMs;
  }

  /** Says that an answer came, and whether another one is due. */
  answered(isMoreDue: boolean): void {
    this.#deadline = isMoreDue ? performance.now() + this.#timeoutMs : Infinity;
  }

  /** Ends a call with `deadline_exceeded` when an answer is late. Gives what stops the watch. */
  watch(call: DuplexCall): () => void {
    let timer: NodeJS.Timeout | undefined;
    const look = () => {
      const restMs = this.#deadline - performance.now();
      if (restMs <= 0) call.fail(this.#late());
      else timer = setTimeout(look, Math.min(restMs, this.#timeoutMs));
    };
    look();
    return () => clearTimeout(timer);
  }

  #late(): StateError {
    return new StateError("deadline_exceeded", `no answer came within ${this.#timeoutMs} ms`);
  }
}
