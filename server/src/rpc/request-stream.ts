import type { DescMessage, MessageShape } from "@bufbuild/protobuf";
import { type IncomingCall, OVER } from "./calls/incoming-call.js";
import type { RequestFrame } from "./calls/request-frames.js";
import type { RequestListener } from "./calls/request-reader.js";
import { decodeRequest } from "./codec.js";

/** The requests of a stream. */
export interface Requests<T> extends AsyncIterable<T> {
  /** How many bytes the request had that was given last; 0 before the first. */
  readonly lastByteLength: number;
}

/** Who waits for a request: undefined is the end of them. */
interface Waiting {
  readonly resolve: (frame: RequestFrame | undefined) => void;
  readonly reject: (error: unknown) => void;
}

/** The requests of one call, each read and decoded when it is asked for. */
export class RequestStream<I extends DescMessage>
  implements Requests<MessageShape<I>>, RequestListener
{
  readonly #schema: I;
  readonly #call: IncomingCall;
  #lastByteLength = 0;
  #waiting: Waiting | undefined;
  #hasEnded = false;
  #isCut = false;

  constructor(schema: I, call: IncomingCall) {
    this.#schema = schema;
    this.#call = call;
  }

  get lastByteLength(): number {
    return this.#lastByteLength;
  }

  onRequest(frame: RequestFrame): void {
    this.#waiting?.resolve(frame);
  }

  onHalfClose(): void {
    this.#hasEnded = true;
    this.#waiting?.resolve(undefined);
  }

  onBadRequest(error: unknown): void {
    this.#waiting?.reject(error);
  }

  /** There are no more requests, since the call is over: who waits for one is told so by an error. */
  cut(): void {
    this.#isCut = true;
    this.#waiting?.reject(OVER);
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<MessageShape<I>, void> {
    for (;;) {
      const frame = await this.#next();
      if (frame === undefined) return;
      const bytes = frame.isCompressed ? await this.#call.decompress(frame) : frame.bytes;
      this.#lastByteLength = bytes.byteLength;
      yield decodeRequest(this.#schema, bytes);
    }
  }

  #next(): Promise<RequestFrame | undefined> {
    return new Promise((resolve, reject) => {
      if (this.#hasEnded) resolve(undefined);
      else if (this.#isCut) reject(OVER);
      else {
        this.#waiting = { resolve, reject };
        this.#call.read();
      }
    });
  }
}
