import type { StateError } from "../domain/errors.js";
import type { Logger } from "../domain/log.js";
import { type IncomingCall, OVER } from "./calls/incoming-call.js";
import type { MessagePieces } from "./calls/reply-frame.js";
import { LazyAbort } from "./lazy-abort.js";
import type { Stoppable } from "./live-streams.js";
import { SendWindow } from "./send-window.js";
import { toStatus } from "./status.js";

/**
 * The replies of one streaming call, sent as fast as the client reads them.
 *
 * It ends in one of four ways: the source ends, the source fails, the client is gone
 * (cancelled, or past its deadline), or the server stops it. In the last two the source
 * is not waited for: its signal is aborted and its iterator is returned.
 */
export class ResponseStream<Reply> implements Stoppable {
  /** Aborted when the source is not wanted any more. */
  readonly abort = new LazyAbort();
  readonly #call: IncomingCall;
  readonly #logger: Logger;
  readonly #encode: (reply: Reply) => Uint8Array | MessagePieces;
  readonly #window: SendWindow;
  #isGone = false;
  #hasEnded = false;
  #onAbort: ((reason: Error) => void) | undefined;

  constructor(
    call: IncomingCall,
    logger: Logger,
    encode: (reply: Reply) => Uint8Array | MessagePieces,
  ) {
    this.#call = call;
    this.#logger = logger;
    this.#encode = encode;
    this.#window = new SendWindow(call);
  }

  /** Ends the stream with an error, unless it has ended. */
  stop(reason: StateError): void {
    this.#giveUp(reason);
  }

  /** The client has gone, or the deadline has passed: nothing more can be sent. */
  leave(): void {
    this.#isGone = true;
    this.#giveUp(OVER);
  }

  /** Sends headers at once, and what a source gives until either side ends. Never rejects. */
  async run(open: () => AsyncIterable<Reply>): Promise<void> {
    try {
      if (this.abort.reason !== undefined) throw this.abort.reason;
      await this.#sendAll(open()[Symbol.asyncIterator]());
      this.#hasEnded = true;
      this.#call.end();
    } catch (error) {
      if (!this.#isGone) this.#call.fail(toStatus(error, this.#logger));
    }
  }

  async #sendAll(replies: AsyncIterator<Reply>): Promise<void> {
    try {
      let next = replies.next();
      // What a source begins by asking the database takes longer than this: both at once.
      this.#call.sendHeaders();
      for (;;) {
        const { done, value } = await this.#unlessAborted(next);
        if (done) return;
        this.#window.send(this.#encode(value));
        if (this.#window.isFull) await this.#unlessAborted(this.#window.room());
        next = replies.next();
      }
    } finally {
      // Not awaited: a source that is busy would hold up the end of the call.
      const returned = replies.return?.();
      if (returned !== undefined) this.#call.during(returned);
    }
  }

  /** Settles as a promise does, or rejects when the stream is aborted if that comes first. */
  #unlessAborted<T>(promise: Promise<T>): Promise<T> {
    // Not Promise.race: racing with one long-lived promise keeps memory for every frame.
    return new Promise((resolve, reject) => {
      this.#onAbort = reject;
      if (this.abort.reason !== undefined) reject(this.abort.reason);
      promise.then(resolve, reject);
    });
  }

  #giveUp(reason: Error): void {
    // Where nothing is left to be aborted, that is not to cost anything: every stream is closed.
    if (this.abort.aborted || this.#hasEnded) return;
    this.abort.abort(reason);
    this.#onAbort?.(reason);
  }
}
