import type { ServerHttp2Stream } from "node:http2";
import { invalidArgument, type StateError } from "../../domain/errors.js";
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
export class RequestReader {
  readonly #stream: ServerHttp2Stream;
  readonly #frames: RequestFrames;
  #listener: RequestListener | undefined;
  #isAsked = false;
  #hasEnded = false;
  /** Whether the listener is being told of something. */
  #isDelivering = false;

  /** A request may have `maxBytes` bytes as it is sent. */
  constructor(stream: ServerHttp2Stream, maxBytes: number) {
    this.#stream = stream;
    this.#frames = new RequestFrames(maxBytes);
  }

  /** Begins to read, and tells a listener of what comes when it has been asked for. */
  start(listener: RequestListener): void {
    this.#listener = listener;
    this.#stream.on("data", (chunk: Buffer) => {
      if (this.#listener === undefined) return;
      this.#frames.add(chunk);
      this.#deliver();
    });
    this.#stream.on("end", () => {
      this.#hasEnded = true;
      this.#deliver();
      // Node would wait until all is sent, for ever where the client has reset the stream without
      // an error.
      if (this.#stream.closed) this.#stream.destroy();
    });
  }

  /** Asks for the next request. */
  read(): void {
    this.#isAsked = true;
    this.#deliver();
  }

  /** Tells nobody any more, and drops what still comes, so that the stream can end. */
  stop(): void {
    // Where nothing was read, Node tells the client to send no more.
    if (this.#listener === undefined) return;
    this.#listener = undefined;
    this.#frames.clear();
    this.#stream.resume();
  }

  #deliver(): void {
    // A listener that is told of a request asks for the next one meanwhile.
    if (this.#isDelivering) return;
    this.#isDelivering = true;
    while (this.#isAsked && this.#listener !== undefined) {
      if (!this.#deliverNext(this.#listener)) break;
    }
    this.#isDelivering = false;
    if (this.#listener === undefined) return;
    if (!this.#isAsked) this.#stream.pause();
    else if (this.#stream.isPaused()) this.#stream.resume();
  }

  /** Tells of the next request, or of the end, and gives whether there was either. */
  #deliverNext(listener: RequestListener): boolean {
    let frame: RequestFrame | undefined;
    try {
      frame = this.#frames.next();
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
