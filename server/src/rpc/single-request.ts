import { status } from "@grpc/grpc-js";
import type { IncomingCall, RequestListener } from "./incoming-call.js";

/** Waits for the one request of a call, and answers UNIMPLEMENTED to a client that sends none or several. */
export class SingleRequest implements RequestListener {
  readonly #call: IncomingCall;
  readonly #onComplete: (request: Buffer) => void;
  #request: Buffer | undefined;

  /** Calls `onComplete` when the client has sent its request and sends no more. */
  constructor(call: IncomingCall, onComplete: (request: Buffer) => void) {
    this.#call = call;
    this.#onComplete = onComplete;
    call.read();
  }

  onRequest(bytes: Buffer): void {
    if (this.#request !== undefined) {
      this.#refuse("the method takes one request, and a second one came");
      return;
    }
    this.#request = bytes;
    this.#call.read();
  }

  onHalfClose(): void {
    if (this.#request === undefined) this.#refuse("the method takes one request, and none came");
    else this.#onComplete(this.#request);
  }

  #refuse(details: string): void {
    this.#call.fail({ code: status.UNIMPLEMENTED, details });
  }
}
