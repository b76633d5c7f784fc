/** An AbortController whose signal is made only for who asks for it: it costs as much as a read. */
export class LazyAbort {
  #controller: AbortController | undefined;
  #reason: Error | undefined;

  /** Why it was aborted; undefined if it was not. */
  get reason(): Error | undefined {
    return this.#reason;
  }

  /** Whether the signal is aborted, or would be. */
  get aborted(): boolean {
    return this.#reason !== undefined;
  }

  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController();
      if (this.#reason !== undefined) this.#controller.abort(this.#reason);
    }
    return this.#controller.signal;
  }

  /** Aborts; only the first time has an effect. */
  abort(reason: Error): void {
    this.#reason ??= reason;
    this.#controller?.abort(reason);
  }
}
