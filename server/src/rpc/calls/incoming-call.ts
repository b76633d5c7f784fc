import { GrpcStatus } from "../grpc-status.js";
import { encodeHeaders } from "../http2/hpack/header-encoder.js";
import type { HeaderFields } from "../http2/hpack/header-list.js";
import { ErrorCode } from "../http2/protocol.js";
import type { Http2Stream } from "../http2/stream.js";
import type { FailedStatus } from "../status.js";
import { ACCEPTED_ENCODINGS, type Decompressor } from "./decompressor.js";
import { type MessagePieces, toReplyFrame } from "./reply-frame.js";
import type { RequestFrame } from "./request-frames.js";
import { type RequestListener, RequestReader } from "./request-reader.js";

/** Begins to answer a call that came with some headers, and gives who is told of its requests. */
export type CallAnswer = (call: IncomingCall, headers: HeaderFields) => RequestListener;

/** Why what is done for a call is given up when that is over: made once, since an `AbortError` costs as much as a read. */
export const OVER = new Error("the call is over, and its client takes and sends no more");

/** The longest time that a timer takes, in milliseconds: 24 days. */
const MAX_TIMER_MS = 2 ** 31 - 1;

const HEADERS = [
  [":status", "200"],
  ["content-type", "application/grpc+proto"],
  ["grpc-accept-encoding", ACCEPTED_ENCODINGS],
] as const;
const HEADERS_BLOCK = encodeHeaders(HEADERS);
const OK_BLOCK = encodeHeaders([["grpc-status", String(GrpcStatus.OK)]]);

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
  readonly #stream: Http2Stream;
  readonly #format: RequestFormat;
  readonly #requests: RequestReader;
  #isOver = false;
  #deadlineTimer: NodeJS.Timeout | undefined;

  constructor(stream: Http2Stream, format: RequestFormat) {
    this.#stream = stream;
    this.#format = format;
    this.#requests = new RequestReader(stream, format.maxBytes, () => this.#leave());
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
    this.#deadlineTimer = setTimeout(() => this.#expire(failure), ms);
  }

  /** Counts among the calls that are under way until some work for it has ended, even if it is over before. */
  during(work: Promise<unknown>): void {
    this.#stream.during(work);
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
    if (!this.#isOver && !this.#stream.isAnswered) this.#stream.respond(HEADERS_BLOCK);
  }

  /**
   * Sends a message, whose memory may be used again at once, but for its body if it is in pieces.
   * `onSent` is called when it has left, or never if the call has ended before.
   */
  send(message: Uint8Array | MessagePieces, onSent: () => void): void {
    this.sendHeaders();
    if (!this.#isOver) this.#stream.send(toReplyFrame(message), onSent);
  }

  /** Ends the call well, after what was sent and a last message, if one is given. */
  end(message?: Uint8Array | MessagePieces): void {
    if (this.#isOver) return;
    this.sendHeaders();
    if (message !== undefined) this.#stream.send(toReplyFrame(message));
    this.#stream.end(OK_BLOCK);
    this.#letGo();
  }

  /** Ends the call with an error, after what was sent. */
  fail(failure: FailedStatus): void {
    if (this.#isOver) return;
    const trailers = toTrailers(failure);
    if (this.#stream.isAnswered) this.#stream.end(encodeHeaders(trailers));
    else this.#stream.respondOnly(encodeHeaders([...HEADERS, ...trailers]));
    this.#letGo();
  }

  #expire(failure: FailedStatus): void {
    if (!this.#isOver) {
      const { onOver } = this;
      this.fail(failure);
      onOver?.();
    }
    // What still waits for room is not wanted any more.
    this.#stream.refuse(ErrorCode.CANCEL);
  }

  #leave(): void {
    if (this.#isOver) return;
    const { onOver } = this;
    this.#letGo();
    onOver?.();
  }

  /** What was done for a call must not be kept by its stream, which lasts until its client has read the answer. */
  #letGo(): void {
    this.#isOver = true;
    this.onOver = undefined;
    // An answer that has still to be sent has a deadline, too.
    if (this.#stream.isClosed) clearTimeout(this.#deadlineTimer);
    this.#requests.stop();
  }
}

function toTrailers({ code, message, encodedDetails }: FailedStatus) {
  return [
    ["grpc-status", String(code)],
    ["grpc-message", encodeURI(message)],
    ["grpc-status-details-bin", Buffer.from(encodedDetails).toString("base64")],
  ] as const;
}
