import type { Logger } from "../domain/log.js";
import type { IncomingCall } from "./http2/incoming-call.js";
import type { RequestListener } from "./http2/request-reader.js";
import { callFailure, toStatus } from "./status.js";

/** Waits for the one request of a call, and answers UNIMPLEMENTED to a client that sends none or several. */
export class SingleRequest implements RequestListener {
  readonly #call: IncomingCall;
  readonly #logger: Logger;
  readonly #onComplete: (request: Buffer) => void;
  #request: Buffer | undefined;

  /** Calls `onComplete` when the client has sent its request and sends no more. */
  constructor(call: IncomingCall, logger: Logger, onComplete: (request: Buffer) => void) {
    this.#call = call;
    this.#logger = logger;
    this.#onComplete = onComplete;
    call.read();
  }

  onRequest(bytes: Buffer): void {
    if (this.#request !== undefined) {
      this.#refuse("the method takes one request, and a second one came; send one and half-close");
      return;
    }
    this.#request = bytes;
    this.#call.read();
  }

  onHalfClose(): void {
    if (this.#request === undefined)
      this.#refuse("the method takes one request, and none came; send one and half-close");
    else this.#onComplete(this.#request);
  }

  onBadRequest(error: unknown): void {
    this.#call.fail(toStatus(error, this.#logger));
  }

  #refuse(message: string): void {
    this.#call.fail(callFailure("unimplemented", "REQUEST_COUNT", message));
  }
}
