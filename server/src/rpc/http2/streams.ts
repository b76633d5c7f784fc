import { Budget } from "./budget.js";
import type { FrameOutput } from "./frame-output.js";
import type { Frame } from "./frame-splitter.js";
import { type HeaderBlock, withoutPadding } from "./header-blocks.js";
import { HeaderDecoder } from "./hpack/header-decoder.js";
import type { DecodedHeaders } from "./hpack/header-list.js";
import {
  ConnectionError,
  ErrorCode,
  Flag,
  INITIAL_WINDOW_BYTES,
  MAX_WINDOW_BYTES,
  protocolError,
} from "./protocol.js";
import type { PeerSettings } from "./settings.js";
import { Http2Stream, type StreamCarrier } from "./stream.js";

/** How many streams of one connection may be open at the same time, and for how many that are over work may go on. */
export const MAX_STREAMS = 1_000;

/** How many bytes the names and values of a stream's headers may have, with 32 for each. */
export const MAX_HEADER_LIST_BYTES = 64 * 1024;

/** Whom the streams of a connection tell what becomes of them. */
export interface StreamsListener {
  /** The client begins a stream. */
  onStream(stream: Http2Stream, headers: DecodedHeaders): void;
  /** A stream is over on both sides. */
  onStreamClosed(): void;
}

/**
 * The streams of one connection that are open, and what they share.
 *
 * What a client sends of streams that are not open is ignored: its frames may have crossed the end
 * of the stream. HTTP/2 would end the connection, with all other calls, where the stream never was;
 * gRPC's C-core 1.51 resets such.
 */
export class Streams implements StreamCarrier {
  readonly output: FrameOutput;
  /** How much may be sent on the connection. */
  sendWindow = INITIAL_WINDOW_BYTES;
  readonly #peer: PeerSettings;
  readonly #listener: StreamsListener;
  readonly #decoder = new HeaderDecoder(MAX_HEADER_LIST_BYTES);
  readonly #resets = new Budget();
  readonly #open = new Map<number, Http2Stream>();
  /** Those that wait for room on the connection: the one that has waited longest is first. */
  readonly #blocked = new Set<Http2Stream>();
  /** How many are over while work for them goes on. */
  #lingering = 0;
  #lastId = 0;
  #isDraining = false;

  constructor(output: FrameOutput, peer: PeerSettings, listener: StreamsListener) {
    this.output = output;
    this.#peer = peer;
    this.#listener = listener;
  }

  get frameMaxBytes(): number {
    return this.#peer.frameMaxBytes;
  }

  /** Whether the client may begin no more. */
  get isDraining(): boolean {
    return this.#isDraining;
  }

  /** How many are open. */
  get count(): number {
    return this.#open.size;
  }

  /** The id of the newest that was begun, open or not; 0 before the first. */
  get lastId(): number {
    return this.#lastId;
  }

  /** Begins no more. */
  drain(): void {
    this.#isDraining = true;
  }

  onBlocked(stream: Http2Stream): void {
    this.#blocked.add(stream);
  }

  onClosed(stream: Http2Stream): void {
    this.#open.delete(stream.id);
    this.#blocked.delete(stream);
    this.#listener.onStreamClosed();
  }

  onLingering(): void {
    this.#lingering += 1;
  }

  onLingered(): void {
    this.#lingering -= 1;
  }

  /** The client sends what a stream carries. */
  onData(frame: Frame): void {
    const bytes = withoutPadding(frame);
    const stream = this.#open.get(frame.streamId);
    if (stream === undefined) return;
    if (stream.hasClientEnded) {
      this.#refuse(stream, ErrorCode.STREAM_CLOSED);
      return;
    }
    const isLast = (frame.flags & Flag.END_STREAM) !== 0;
    if (stream.onData(bytes, frame.payload.length, isLast)) return;
    throw new ConnectionError(ErrorCode.FLOW_CONTROL_ERROR, "the stream had no room for it");
  }

  /** The client begins a stream by a block of headers, or ends what it sends on one. */
  onHeaders({ streamId, isLast, bytes }: HeaderBlock): void {
    // Also where they are not wanted: the next ones refer to them.
    const headers = this.#decoder.decode(bytes);
    const stream = this.#open.get(streamId);
    if (stream !== undefined) this.#onTrailers(stream, isLast && !headers.isMalformed);
    else if (streamId > this.#lastId && !this.#isDraining) {
      if (streamId % 2 === 0) throw protocolError("a client's streams have odd numbers");
      this.#lastId = streamId;
      if (headers.isMalformed || !isRequest(headers))
        this.output.addReset(streamId, ErrorCode.PROTOCOL_ERROR);
      else if (this.#isBusy) this.output.addReset(streamId, ErrorCode.REFUSED_STREAM);
      else this.#begin(streamId, headers, isLast);
    }
  }

  /** The client resets a stream. */
  onReset(streamId: number): void {
    const stream = this.#open.get(streamId);
    if (stream === undefined) return;
    this.#countReset();
    stream.onAborted();
  }

  /** The client lets so much more be sent on a stream. */
  onStreamWindow(streamId: number, byteLength: number): void {
    const stream = this.#open.get(streamId);
    if (stream === undefined) return;
    if (byteLength === 0) this.#refuse(stream, ErrorCode.PROTOCOL_ERROR);
    else if (!stream.widen(byteLength)) this.#refuse(stream, ErrorCode.FLOW_CONTROL_ERROR);
  }

  /** The client lets so much more be sent on all streams together. */
  onConnectionWindow(byteLength: number): void {
    if (byteLength === 0) throw protocolError("a window is to be wider by nothing");
    this.sendWindow += byteLength;
    requireWindow(this.sendWindow <= MAX_WINDOW_BYTES);
    this.pumpBlocked();
  }

  /** The client lets so much more be sent on each stream, or less. */
  onInitialWindow(byteLength: number): void {
    for (const stream of [...this.#open.values()]) requireWindow(stream.widen(byteLength));
  }

  /** Sends what waits, as far as there is room for it. */
  pumpBlocked(): void {
    for (const stream of this.#blocked) {
      if (this.sendWindow <= 0 || this.output.isFull) return;
      // One that finds too little room again waits behind the others.
      this.#blocked.delete(stream);
      stream.pump();
    }
  }

  /** All are over, since the connection is. */
  abortAll(): void {
    for (const stream of [...this.#open.values()]) stream.onAborted();
  }

  get #isBusy(): boolean {
    return this.#open.size >= MAX_STREAMS || this.#lingering >= MAX_STREAMS;
  }

  #begin(streamId: number, headers: DecodedHeaders, isLast: boolean): void {
    const stream = new Http2Stream(streamId, this, this.#peer.initialWindowBytes, isLast);
    this.#open.set(streamId, stream);
    this.#listener.onStream(stream, headers);
    if (isLast) stream.onEnd();
  }

  /** Headers behind what was sent, of which nobody is told: gRPC's clients have nothing to say there. */
  #onTrailers(stream: Http2Stream, isWellFormed: boolean): void {
    if (isWellFormed && !stream.hasClientEnded) stream.onEnd();
    else this.#refuse(stream, ErrorCode.PROTOCOL_ERROR);
  }

  /** Resets a stream for what its client did, who may do so no more often than it resets streams itself. */
  #refuse(stream: Http2Stream, code: ErrorCode): void {
    this.#countReset();
    stream.refuse(code);
  }

  #countReset(): void {
    if (this.#resets.spend()) return;
    throw new ConnectionError(ErrorCode.ENHANCE_YOUR_CALM, "too many streams were reset");
  }
}

/** Whether headers say what every request must; of those that are too large, something may be missing. */
function isRequest({ fields, isTooLarge }: DecodedHeaders): boolean {
  return isTooLarge || [":method", ":scheme", ":path"].every((name) => fields[name] !== undefined);
}

function requireWindow(isValid: boolean): void {
  if (!isValid) throw new ConnectionError(ErrorCode.FLOW_CONTROL_ERROR, "a window is too wide");
}
