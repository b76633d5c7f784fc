import type { Client, ClientDuplexStream, Metadata } from "@grpc/grpc-js";
import type { StateError } from "../errors.js";
import { cancelled } from "./cancelled.js";
import { onAbort } from "./on-abort.js";
import type { OpenCalls } from "./open-calls.js";
import { toStateError } from "./status.js";
import { same } from "./unary-call.js";

/** Which call to make, and what cancels it. */
export interface DuplexCallOptions {
  /** `/package.Service/Method`. */
  readonly path: string;
  readonly metadata: Metadata;
  readonly signal: AbortSignal | undefined;
}

/**
 * A call with a stream of requests and one of answers, made once.
 *
 * Its answers come as they arrive, and what is sent waits in memory until the server takes
 * it: it is for those who leave a bounded amount unanswered.
 */
export class DuplexCall {
  /** Resolves when the server has ended the call with OK. */
  readonly ended: Promise<void>;
  readonly #stream: ClientDuplexStream<Buffer, Buffer>;
  #reject: (error: StateError) => void = () => undefined;
  #isOver = false;

  /** @throws StateError `cancelled` or `failed_precondition` if no call may be made any more. */
  constructor(
    { client, calls }: { readonly client: Client; readonly calls: OpenCalls },
    { path, metadata, signal }: DuplexCallOptions,
    take: (answer: Buffer) => void,
  ) {
    calls.check();
    if (signal?.aborted) throw cancelled(signal);
    const stream = client.makeBidiStreamRequest<Buffer, Buffer>(path, same, same, metadata);
    this.#stream = stream;
    const release = onAbort(signal, () => this.fail(cancelled(signal)));
    calls.add(stream);
    this.ended = new Promise<void>((resolve, reject) => {
      this.#reject = reject;
      stream.on("end", resolve);
      stream.on("error", (error) => reject(toStateError(error)));
      stream.on("data", (answer: Buffer) => this.#take(answer, take));
    }).finally(() => {
      calls.delete(stream);
      release();
    });
    // Who waits for it gets it; an error that nobody waits for must not end the process.
    this.ended.catch(() => undefined);
  }

  /** Sends a request; after the end it goes nowhere. */
  send(request: Buffer): void {
    this.#stream.write(request);
  }

  /** Says that there are no more requests. */
  finish(): void {
    this.#stream.end();
  }

  /** Cancels the call on the server; here it ends with this error, unless it has ended. */
  fail(error: StateError): void {
    this.#isOver = true;
    this.#reject(error);
    this.#stream.cancel();
  }

  #take(answer: Buffer, take: (answer: Buffer) => void): void {
    // Some may be on their way when the call fails.
    if (this.#isOver) return;
    try {
      take(answer);
    } catch (error) {
      this.fail(toStateError(error));
    }
  }
}
