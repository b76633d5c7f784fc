import type { Logger } from "../domain/log.js";
import { type IncomingCall, OVER } from "./calls/incoming-call.js";
import type { RequestFrame } from "./calls/request-frames.js";
import type { RequestListener } from "./calls/request-reader.js";
import { callFailure, toStatus } from "./status.js";

/** Waits for the one request of a call, and answers UNIMPLEMENTED to a client that sends none or several. */
export class SingleRequest implements RequestListener {
  readonly #call: IncomingCall;
  readonly #logger: Logger;
  readonly #onComplete: (request: Buffer) => void;
  #request: RequestFrame | undefined;

  /** Calls `onComplete` when the client has sent its request and sends no more. */
  constructor(call: IncomingCall, logger: Logger, onComplete: (request: Buffer) => void) {
    this.#call = call;
    this.#logger = logger;
    this.#onComplete = onComplete;
    call.read();
  }

  onRequest(frame: RequestFrame): void {
    if (this.#request !== undefined) {
      this.#refuse("the method takes one request, and a second one came; send one and half-close");
      return;
    }
    this.#request = frame;
    this.#call.read();
  }

  onHalfClose(): void {
    if (this.#request === undefined)
      this.#refuse("the method takes one request, and none came; send one and half-close");
    else if (this.#request.isCompressed) void this.#completeCompressed(this.#request);
    else this.#onComplete(this.#request.bytes);
  }

  onBadRequest(error: unknown): void {
    this.#call.fail(toStatus(error, this.#logger));
  }

  /** Not before the client has half-closed: until then it would hold what may be far larger than what came. */
  async #completeCompressed(frame: RequestFrame): Promise<void> {
    let request: Buffer;
    try {
      request = await this.#call.decompress(frame);
    } catch (error) {
      if (error !== OVER) this.onBadRequest(error);
      return;
    }
    this.#onComplete(request);
  }

  #refuse(message: string): void {
    this.#call.fail(callFailure("unimplemented", "REQUEST_COUNT", message));
  }
}
