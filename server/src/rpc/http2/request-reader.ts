import type { Readable } from "node:stream";
import { invalidArgument, type StateError } from "../../domain/errors.js";
import { decompress } from "./decompress.js";
import { type RequestFrame, RequestFrames } from "./request-frames.js";

/** Who is told what a client sends on a call. */
export interface RequestListener {
  /** Has a request. The next one comes after another {@link RequestReader.read}. */
  onRequest(bytes: Buffer): void;
  /** The client sends no more, and what it has sent was whole. */
  onHalfClose(): void;
  /** What came is no request that can be read, for which a StateError says why; nothing comes after it. */
  onBadRequest(error: unknown): void;
}

/** What a reader needs to know of a call's requests. */
export interface RequestFormat {
  /** How they are compressed: one of those that are accepted. */
  readonly encoding: string;
  /** How many bytes one may have, compressed or not. */
  readonly maxBytes: number;
}

/**
 * Reads the requests of one call, each when it is asked for.
 *
 * What is not asked for stays with the client, but for as much as its flow control lets it send.
 */
export class RequestReader {
  readonly #stream: Readable;
  readonly #format: RequestFormat;
  readonly #frames: RequestFrames;
  #listener: RequestListener | undefined;
  #isAsked = false;
  #hasEnded = false;
  /** Whether a request is on its way to the listener. */
  #isDelivering = false;

  constructor(stream: Readable, format: RequestFormat) {
    this.#stream = stream;
    this.#format = format;
    this.#frames = new RequestFrames(format.maxBytes);
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
    if (frame.isCompressed) void this.#deliverCompressed(frame.bytes);
    else listener.onRequest(frame.bytes);
    return true;
  }

  #deliverEnd(listener: RequestListener): boolean {
    this.#isAsked = false;
    if (this.#frames.isInMessage) this.#refuse(cutOff());
    else listener.onHalfClose();
    return true;
  }

  async #deliverCompressed(bytes: Buffer): Promise<void> {
    const { encoding, maxBytes } = this.#format;
    try {
      const request = await decompress(bytes, encoding, maxBytes);
      this.#listener?.onRequest(request);
    } catch (error) {
      this.#refuse(error);
    }
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
