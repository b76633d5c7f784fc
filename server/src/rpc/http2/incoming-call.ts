import type { IncomingHttpHeaders, OutgoingHttpHeaders, ServerHttp2Stream } from "node:http2";
import { GrpcStatus } from "../grpc-status.js";
import type { FailedStatus } from "../status.js";
import { ACCEPTED_ENCODINGS } from "./decompress.js";
import { type RequestFormat, type RequestListener, RequestReader } from "./request-reader.js";

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
const BEFORE_TRAILERS = { waitForTrailers: true, sendDate: false };
const ALONE = { endStream: true, sendDate: false };
const WELL: OutgoingHttpHeaders = { "grpc-status": GrpcStatus.OK };

/** One call of a client: a stream of HTTP/2. */
export class IncomingCall {
  /**
   * Is called once if the call is over before it was ended here: its client has gone, or its
   * deadline has passed. Nothing more is sent then.
   */
  onOver: (() => void) | undefined;
  readonly #stream: ServerHttp2Stream;
  readonly #requests: RequestReader;
  #isOver = false;
  #deadlineTimer: NodeJS.Timeout | undefined;

  constructor(stream: ServerHttp2Stream, format: RequestFormat) {
    this.#stream = stream;
    this.#requests = new RequestReader(stream, format);
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

  /** Sends the headers, which come before the first message in any case. */
  sendHeaders(): void {
    if (this.#canSend && !this.#stream.headersSent) this.#stream.respond(HEADERS, BEFORE_TRAILERS);
  }

  /**
   * Sends a message, whose memory may be used again at once. `onSent` is called when it has
   * left, or never if the call has ended before.
   */
  send(message: Uint8Array, onSent: () => void): void {
    this.sendHeaders();
    if (!this.#canSend) return;
    this.#stream.write(toFrame(message), (error) => {
      if (!error) onSent();
    });
  }

  /** Ends the call well, after what was sent and a last message, if one is given. */
  end(message?: Uint8Array): void {
    if (message !== undefined) this.sendHeaders();
    this.#end(WELL, message);
  }

  /** Ends the call with an error, after what was sent. */
  fail(failure: FailedStatus): void {
    this.#end(toTrailers(failure));
  }

  #end(trailers: OutgoingHttpHeaders, message?: Uint8Array): void {
    const stream = this.#stream;
    if (!this.#canSend) return;
    if (stream.headersSent) {
      stream.once("wantTrailers", () => stream.sendTrailers(trailers));
      if (message === undefined) stream.end();
      else stream.end(toFrame(message));
    } else stream.respond({ ...HEADERS, ...trailers }, ALONE);
    this.#letGo();
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
   * stream that comes after it: it must not hold what was done for its call.
   */
  #letGo(): void {
    this.#isOver = true;
    this.onOver = undefined;
    clearTimeout(this.#deadlineTimer);
    this.#requests.stop();
  }
}

/** Puts in front of a message that it is not compressed, and how long it is. */
function toFrame(message: Uint8Array): Buffer {
  const frame = Buffer.allocUnsafe(5 + message.byteLength);
  frame[0] = 0;
  frame.writeUInt32BE(message.byteLength, 1);
  frame.set(message, 5);
  return frame;
}

function toTrailers({ code, details, encoded }: FailedStatus): OutgoingHttpHeaders {
  return {
    "grpc-status": code,
    "grpc-message": encodeURI(details),
    "grpc-status-details-bin": Buffer.from(encoded).toString("base64"),
  };
}
