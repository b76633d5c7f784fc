import {
  Metadata,
  type ServerDuplexStream,
  type ServerWritableStream,
  status,
} from "@grpc/grpc-js";
import type { StateError } from "../domain/errors.js";
import type { Logger } from "../domain/log.js";
import { SendWindow } from "./send-window.js";
import { toStatus } from "./status.js";

/** The longest time that a timer takes, in milliseconds. */
const MAX_TIMER_MS = 2 ** 31 - 1;

/** Why a stream is aborted whose client has gone: made once, since an `AbortError` costs as much as a read. */
const GONE = new Error("the client has gone");

/** A call of grpc-js that answers with a stream. */
export type RespondingCall =
  | ServerWritableStream<Buffer, Buffer>
  | ServerDuplexStream<Buffer, Buffer>;

/**
 * The replies of one streaming call, sent as fast as the client reads them.
 *
 * It ends in one of four ways: the source ends, the source fails, the client is gone
 * (cancelled, or past its deadline), or the server stops it. In the last two the source
 * is not waited for: its signal is aborted and its iterator is returned.
 */
export class ResponseStream<Reply> {
  readonly #call: RespondingCall;
  readonly #logger: Logger;
  readonly #encode: (reply: Reply) => Buffer;
  readonly #window: SendWindow;
  readonly #controller = new AbortController();
  #deadlineTimer: NodeJS.Timeout | undefined;
  #isGone = false;
  #hasEnded = false;
  #onAbort: ((reason: unknown) => void) | undefined;

  constructor(call: RespondingCall, logger: Logger, encode: (reply: Reply) => Buffer) {
    this.#call = call;
    this.#logger = logger;
    this.#encode = encode;
    this.#window = new SendWindow(call);
    // After a cancellation grpc-js calls no callback and emits no "drain": this is the only news.
    call.once("cancelled", () => this.#leave());
    call.once("close", () => this.#leave());
    this.#watchDeadline();
  }

  /** Ends the stream with an error, unless it has ended. */
  stop(reason: StateError): void {
    this.#abort(reason);
  }

  /** Sends headers at once, and what a source gives until either side ends. Never rejects. */
  async run(open: (signal: AbortSignal) => AsyncIterable<Reply>): Promise<void> {
    try {
      const { signal } = this.#controller;
      signal.throwIfAborted();
      await this.#sendAll(open(signal)[Symbol.asyncIterator]());
      this.#hasEnded = true;
      this.#call.end();
    } catch (error) {
      this.#fail(error);
    } finally {
      clearTimeout(this.#deadlineTimer);
    }
  }

  async #sendAll(replies: AsyncIterator<Reply>): Promise<void> {
    try {
      let next = replies.next();
      // What a source begins by asking the database takes longer than this: both at once.
      this.#call.sendMetadata(new Metadata());
      for (;;) {
        const { done, value } = await this.#unlessAborted(next);
        if (done) return;
        this.#window.send(this.#encode(value));
        if (this.#window.isFull) await this.#unlessAborted(this.#window.room());
        next = replies.next();
      }
    } finally {
      // Not awaited: a source that is busy would hold up the end of the call.
      void replies.return?.().catch(() => {});
    }
  }

  /** Settles as a promise does, or rejects when the stream is aborted if that comes first. */
  #unlessAborted<T>(promise: Promise<T>): Promise<T> {
    // Not Promise.race: racing with one long-lived promise keeps memory for every frame.
    return new Promise((resolve, reject) => {
      this.#onAbort = reject;
      if (this.#controller.signal.aborted) reject(this.#controller.signal.reason);
      promise.then(resolve, reject);
    });
  }

  #fail(error: unknown): void {
    if (this.#isGone) return;
    // It takes the place of the status that grpc-js sends after the last frame.
    this.#call.emit("error", toStatus(error, this.#logger));
  }

  #watchDeadline(): void {
    const deadline = Number(this.#call.getDeadline());
    if (!Number.isFinite(deadline)) return;
    // A longer wait would end at once; no call lasts so long.
    const leftMs = Math.min(deadline - Date.now(), MAX_TIMER_MS);
    this.#deadlineTimer = setTimeout(() => this.#expire(), leftMs);
  }

  #expire(): void {
    if (this.#isGone) return;
    this.#call.emit("error", { code: status.DEADLINE_EXCEEDED, details: "the deadline passed" });
    this.#leave();
  }

  #leave(): void {
    this.#isGone = true;
    this.#abort(GONE);
  }

  #abort(reason: Error): void {
    const { signal } = this.#controller;
    // Where nothing is left to be aborted, that is not to cost anything: every stream is closed.
    if (signal.aborted || this.#hasEnded) return;
    this.#controller.abort(reason);
    this.#onAbort?.(signal.reason);
  }
}
