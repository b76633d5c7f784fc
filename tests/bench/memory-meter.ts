import type { MeasuredServer } from "./measured-server.js";
import type { Usage } from "./report-usage.js";

const SAMPLING_MS = 500;

/** Looks twice a second at what a server uses. */
export class MemoryMeter {
  readonly #server: MeasuredServer;
  readonly #samples: Usage[] = [];
  readonly #timer: NodeJS.Timeout;
  #sampling = Promise.resolve();

  /** Begins to look. */
  constructor(server: MeasuredServer) {
    this.#server = server;
    this.#timer = setInterval(() => {
      this.#sampling = this.#sampling.then(() => this.#sample());
    }, SAMPLING_MS);
  }

  /** Ends it after a last look, and gives all that was seen. */
  async stop(): Promise<readonly Usage[]> {
    clearInterval(this.#timer);
    await this.#sampling;
    await this.#sample();
    return this.#samples;
  }

  async #sample(): Promise<void> {
    this.#samples.push(await this.#server.usage());
  }
}
