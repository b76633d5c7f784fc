import cluster, { type Worker } from "node:cluster";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import type { Logger } from "../domain/log.js";
import { UsageError } from "../domain/usage-error.js";
import { withFixedPort } from "./fixed-port.js";
import type { FromWorker, ToWorker, WorkerOptions } from "./worker-messages.js";

const WORKER = fileURLToPath(new URL("./worker.js", import.meta.url));

/** When it is tried again to start a worker in the place of one that ended, in milliseconds. */
const RETRY_AFTER_MS = 1_000;

/** How long a worker may take to end beyond what its calls are given, in milliseconds. */
const END_GRACE_MS = 5_000;

/** Workers that serve. */
export interface Workers {
  /** Where they listen, as clients take it. */
  readonly address: string;

  /** Lets the workers end as a server does. Closing again waits for the same end. */
  close(): Promise<void>;
}

/**
 * Processes that serve one address together, on one database: the system's connections go to
 * them in turn. One that ends is replaced.
 */
export class WorkerGroup {
  readonly #options: WorkerOptions;
  readonly #logger: Logger;
  readonly #workers = new Set<Worker>();
  #closing: Promise<void> | undefined;

  private constructor(options: WorkerOptions, logger: Logger) {
    this.#options = options;
    this.#logger = logger;
  }

  /**
   * Starts so many workers. They serve when the promise resolves.
   *
   * @throws UsageError and Error as the server of a worker does. No worker is left then.
   */
  static async start(count: number, options: WorkerOptions, logger: Logger): Promise<Workers> {
    cluster.setupPrimary({ exec: WORKER, args: [] });
    const listen = await withFixedPort(options.listen);
    const group = new WorkerGroup({ ...options, listen }, logger);
    try {
      // The first one alone: it brings the schema up to date, and says what is wrong once.
      const address = await group.#add();
      await Promise.all(Array.from({ length: count - 1 }, () => group.#add()));
      return { address, close: () => group.#close() };
    } catch (error) {
      await group.#close();
      throw error;
    }
  }

  #close(): Promise<void> {
    this.#closing ??= this.#end();
    return this.#closing;
  }

  /** Starts a worker, and gives where it listens. */
  #add(): Promise<string> {
    const worker = cluster.fork();
    this.#workers.add(worker);
    return new Promise((resolve, reject) => {
      let isServing = false;
      worker.on("message", (message: FromWorker) => {
        switch (message.kind) {
          case "ready":
            tell(worker, { kind: "start", options: this.#options });
            break;
          case "listening":
            isServing = true;
            resolve(message.address);
            break;
          case "failed":
            reject(toError(message));
            break;
          default:
            this.#pass(message, worker);
        }
      });
      worker.once("exit", (code, signal) => {
        this.#workers.delete(worker);
        if (isServing) this.#replace({ pid: worker.process.pid, code, signal });
        else reject(new Error(`a worker ended (${signal || code}) before it served: see the log`));
      });
    });
  }

  #replace(ended: object): void {
    if (this.#closing !== undefined) return;
    this.#logger.warn(ended, "a worker ended: another one takes its place");
    this.#addAgain();
  }

  #addAgain(): void {
    if (this.#closing !== undefined) return;
    this.#add().catch((error: unknown) => {
      this.#logger.error({ err: error }, "a worker could not be started: it is tried again");
      setTimeout(() => this.#addAgain(), RETRY_AFTER_MS).unref();
    });
  }

  /** Tells the other workers what one of them has told. */
  #pass(message: ToWorker, from: Worker): void {
    for (const worker of this.#workers) {
      if (worker !== from) tell(worker, message);
    }
  }

  async #end(): Promise<void> {
    const exits = [...this.#workers].map((worker) => once(worker, "exit"));
    for (const worker of this.#workers) tell(worker, { kind: "end" });
    const graceMs = this.#options.shutdownGraceMs + END_GRACE_MS;
    const timer = setTimeout(() => this.#kill(), graceMs);
    await Promise.all(exits);
    clearTimeout(timer);
  }

  #kill(): void {
    for (const worker of this.#workers) worker.process.kill("SIGKILL");
  }
}

/** Tells a worker something; one that is ending need not hear it. */
function tell(worker: Worker, message: ToWorker): void {
  if (worker.isConnected()) worker.send(message, () => {});
}

function toError({ message, isUsage }: Extract<FromWorker, { kind: "failed" }>): Error {
  return isUsage ? new UsageError(message) : new Error(message);
}
