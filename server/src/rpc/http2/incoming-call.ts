import {
  constants,
  type IncomingHttpHeaders,
  type OutgoingHttpHeaders,
  type ServerHttp2Stream,
} from "node:http2";
import { GrpcStatus } from "../grpc-status.js";
import type { FailedStatus } from "../status.js";
import { ACCEPTED_ENCODINGS, type Decompressor } from "./decompressor.js";
import { toReplyFrame } from "./reply-frame.js";
import type { RequestFrame } from "./request-frames.js";
import { type RequestListener, RequestReader } from "./request-reader.js";

/** Begins to answer a call that came with some headers, and gives who is told of its requests. */
export type CallAnswer = (call: IncomingCall, headers: IncomingHttpHeaders) => RequestListener;

/** Why what is done for a call is given up when that is over: made once, since an `AbortError` costs as much as a read. */
export const OVER = new Error("the call is over, and its client takes and sends no more");

/** The longest time that a timer takes, in milliseconds: 24 days. */
const MAX_TIMER_MS = 2 ** 31 - 1;

const HEADERS: OutgoingHttpHeaders = {
  ":status": 200,
  "content-type": "application/grpc+proto",
  "grpc-accept-encoding": ACCEPTED_ENCODINGS,
};
const WITH_TRAILERS = { waitForTrailers: true, sendDate: false };
const WITHOUT_MESSAGES = { endStream: true, sendDate: false };
const OK_TRAILERS: OutgoingHttpHeaders = { "grpc-status": GrpcStatus.OK };

/** How the requests of a call are sent. */
export interface RequestFormat {
  /** What those are compressed with that say they are compressed: one of what is accepted. */
  readonly encoding: string;
  /** How many bytes one may have, compressed or not. */
  readonly maxBytes: number;
  readonly decompressor: Decompressor;
}

/** One call of a client: a stream of HTTP/2. */
export class IncomingCall {
  /**
   * Is called once if the call is over before it was ended here: its client has gone, or its
   * deadline has passed. Nothing more is sent then.
   */
  onOver: (() => void) | undefined;
  readonly #stream: ServerHttp2Stream;
  readonly #format: RequestFormat;
  readonly #requests: RequestReader;
  #isOver = false;
  #deadlineTimer: NodeJS.Timeout | undefined;

  constructor(stream: ServerHttp2Stream, format: RequestFormat) {
    this.#stream = stream;
    this.#format = format;
    this.#requests = new RequestReader(stream, format.maxBytes);
    // Node tells of the first where the client has gone in the middle, and unread requests may
    // keep the second away.
    stream.once("aborted", () => this.#leave());
    stream.once("close", () => this.#leave());
  }

  /** Begins to tell of the requests, each when it is asked for. */
  start(listener: RequestListener): void {
    if (!this.#isOver) this.#requests.start(listener);
  }

  /** Ends the call with a failure unless it has ended before so many milliseconds have passed. */
  expireAfter(timeoutMs: number, failure: FailedStatus): void {
    if (timeoutMs === Number.POSITIVE_INFINITY) return;
    // A longer wait would end at once; no call lasts so long.
    const ms = Math.min(Math.ceil(timeoutMs), MAX_TIMER_MS);
    this.#deadlineTimer = setTimeout(() => {
      const { onOver } = this;
      this.fail(failure);
      onOver?.();
    }, ms);
  }

  /** Asks for the next request. */
  read(): void {
    this.#requests.read();
  }

  /**
   * Gives what a compressed request holds.
   *
   * @throws StateError `resource_exhausted` or `invalid_argument` if it cannot be decompressed.
   * @throws Error {@link OVER} if the call is over.
   */
  async decompress({ bytes }: RequestFrame): Promise<Buffer> {
    const { decompressor, encoding } = this.#format;
    const request = await decompressor.decompress(bytes, encoding, () => !this.#isOver);
    if (request === undefined || this.#isOver) throw OVER;
    return request;
  }

  /** Sends the headers, which come before the first message in any case. */
  sendHeaders(): void {
    if (this.#canSend && !this.#stream.headersSent) this.#stream.respond(HEADERS, WITH_TRAILERS);
  }

  /**
   * Sends a message, whose memory may be used again at once. `onSent` is called when it has
   * left, or never if the call has ended before.
   */
  send(message: Uint8Array, onSent: () => void): void {
    this.sendHeaders();
    if (!this.#canSend) return;
    this.#stream.write(toReplyFrame(message), (error) => {
      if (!error) onSent();
    });
  }

  /** Ends the call well, after what was sent and a last message, if one is given. */
  end(message?: Uint8Array): void {
    if (message !== undefined) this.sendHeaders();
    this.#end(OK_TRAILERS, message);
  }

  /** Ends the call with an error, after what was sent. */
  fail(failure: FailedStatus): void {
    this.#end(toTrailers(failure));
  }

  #end(trailers: OutgoingHttpHeaders, message?: Uint8Array): void {
    if (!this.#canSend) return;
    if (this.#stream.headersSent) this.#endBehind(trailers, message);
    else {
      this.#stream.respond({ ...HEADERS, ...trailers }, WITHOUT_MESSAGES);
      this.#closeSoon();
    }
    this.#letGo();
  }

  #endBehind(trailers: OutgoingHttpHeaders, message: Uint8Array | undefined): void {
    this.#stream.once("wantTrailers", () => {
      this.#stream.sendTrailers(trailers);
      this.#closeSoon();
    });
    if (message === undefined) this.#stream.end();
    else this.#stream.end(toReplyFrame(message));
  }

  /** Tells a client that has not half-closed to send no more, once it has been told of the end. */
  #closeSoon(): void {
    const stream = this.#stream;
    if (stream.readableEnded) return;
    // Node sends trailers in the next turn, and what is to be written after it.
    setImmediate(() => {
      setImmediate(() => {
        if (!stream.readableEnded && !stream.destroyed) stream.close(constants.NGHTTP2_NO_ERROR);
      });
    });
  }

  get #canSend(): boolean {
    return !this.#isOver && !this.#stream.closed && !this.#stream.destroyed;
  }

  #leave(): void {
    if (this.#isOver) return;
    const { onOver } = this;
    this.#letGo();
    onOver?.();
  }

  /**
   * Node keeps the streams of a connection in a Map, and V8 links each table that such a Map has
   * outgrown to the next one. Once one of them is old, the quick collections of garbage keep every
   * stream that comes after it: it must not hold what was done for its call, nor its requests.
   */
  #letGo(): void {
    this.#isOver = true;
    this.onOver = undefined;
    clearTimeout(this.#deadlineTimer);
    this.#requests.stop();
  }
}

function toTrailers({ code, message, encodedDetails }: FailedStatus): OutgoingHttpHeaders {
  return {
    "grpc-status": code,
    "grpc-message": encodeURI(message),
    "grpc-status-details-bin": Buffer.from(encodedDetails).toString("base64"),
  };
}
