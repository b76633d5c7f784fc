import { invalidArgument, type StateError } from "../../domain/errors.js";
import type { Http2Stream, StreamListener } from "../http2/stream.js";
import { type RequestFrame, RequestFrames } from "./request-frames.js";

/** Who is told what a client sends on a call. */
export interface RequestListener {
  /** Has a request. The next one comes after another {@link RequestReader.read}. */
  onRequest(frame: RequestFrame): void;
  /** The client sends no more, and what it has sent was whole. */
  onHalfClose(): void;
  /** What came is no request that can be read; nothing comes after it. */
  onBadRequest(error: unknown): void;
}

/**
 * Reads the requests of one call, each when it is asked for.
 *
 * What is not asked for stays with the client, but for as much as its flow control lets it send.
 */
export class RequestReader implements StreamListener {
  readonly onAborted: () => void;
  readonly #stream: Http2Stream;
  readonly #frames: RequestFrames;
  #listener: RequestListener | undefined;
  #isAsked = false;
  #hasEnded = false;
  /** Whether the listener is being told of something. */
  #isDelivering = false;

  /** A request may have `maxBytes` bytes as it is sent. Calls `onAborted` when nothing more comes, since the client is gone. */
  constructor(stream: Http2Stream, maxBytes: number, onAborted: () => void) {
    this.#stream = stream;
    this.#frames = new RequestFrames(maxBytes);
    this.onAborted = onAborted;
    stream.listener = this;
  }

  /** Begins to tell a listener of what comes when it has been asked for. */
  start(listener: RequestListener): void {
    this.#listener = listener;
    this.#deliver();
  }

  onData(bytes: Buffer): void {
    if (this.#listener === undefined) {
      this.#stream.makeRoom(bytes.length);
      return;
    }
    this.#frames.add(bytes);
    this.#deliver();
    this.#frames.keep();
  }

  onEnd(): void {
    this.#hasEnded = true;
    this.#deliver();
  }

  /** Asks for the next request. */
  read(): void {
    this.#isAsked = true;
    this.#deliver();
  }

  /** Tells nobody any more, and drops what still comes. */
  stop(): void {
    this.#listener = undefined;
    this.#stream.makeRoom(this.#frames.clear());
  }

  #deliver(): void {
    // A listener that is told of a request asks for the next one meanwhile.
    if (this.#isDelivering) return;
    this.#isDelivering = true;
    while (this.#isAsked && this.#listener !== undefined) {
      if (!this.#deliverNext(this.#listener)) break;
    }
    this.#isDelivering = false;
  }

  /** Tells of the next request, or of the end, and gives whether there was either. */
  #deliverNext(listener: RequestListener): boolean {
    let frame: RequestFrame | undefined;
    try {
      frame = this.#frames.next();
      this.#stream.makeRoom(this.#frames.takeUsed());
    } catch (error) {
      this.#refuse(error);
      return true;
    }
    if (frame === undefined) return this.#hasEnded && this.#deliverEnd(listener);
    this.#isAsked = false;
    listener.onRequest(frame);
    return true;
  }

  #deliverEnd(listener: RequestListener): boolean {
    this.#isAsked = false;
    if (this.#frames.isInMessage) this.#refuse(cutOff());
    else listener.onHalfClose();
    return true;
  }

  #refuse(error: unknown): void {
    const listener = this.#listener;
    this.stop();
    listener?.onBadRequest(error);
  }
}

function cutOff(): StateError {
  return invalidArgument([{ field: "request", description: "must be sent to its end" }]);
}
