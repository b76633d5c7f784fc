import type { Socket } from "node:net";
import { Budget } from "./budget.js";
import { FrameOutput } from "./frame-output.js";
import { requireBytes, requireConnection, requireStream } from "./frame-rules.js";
import { type Frame, FrameSplitter } from "./frame-splitter.js";
import { HeaderBlocks } from "./header-blocks.js";
import { HeaderBlockError } from "./hpack/header-block-error.js";
import { Preface } from "./preface.js";
import {
  ConnectionError,
  ErrorCode,
  Flag,
  FrameType,
  INITIAL_WINDOW_BYTES,
  MAX_WINDOW_BYTES,
  protocolError,
  Setting,
} from "./protocol.js";
import { encodeSettings, PeerSettings } from "./settings.js";
import { MAX_HEADER_LIST_BYTES, MAX_STREAMS, Streams, type StreamsListener } from "./streams.js";

/** How much clients may send on one connection before they hear that it has come. */
const CONNECTION_WINDOW_BYTES = 1024 * 1024;

const PING_BYTES = 8;
const ERROR_CODE_BYTES = 4;
const WINDOW_UPDATE_BYTES = 4;

/** Whom a connection tells what its client does. */
export interface ConnectionListener extends StreamsListener {
  /** The client has answered a ping. */
  onPong(): void;
  /** The connection is ended since something failed that is no fault of the client. */
  onDefect(error: unknown): void;
  /** The connection is over, and so are its streams. */
  onClosed(): void;
}

/**
 * One connection of HTTP/2 without TLS, whose client knows beforehand that it is spoken.
 *
 * Source: https://www.rfc-editor.org/rfc/rfc9113
 */
export class Http2Connection {
  readonly #socket: Socket;
  readonly #listener: ConnectionListener;
  readonly #output: FrameOutput;
  readonly #streams: Streams;
  readonly #peer = new PeerSettings();
  readonly #preface = new Preface();
  readonly #splitter = new FrameSplitter();
  readonly #blocks = new HeaderBlocks();
  /** Each is work for all streams. */
  readonly #windowChanges = new Budget();
  #hasSettings = false;
  /** How much has come that the client was not told of. */
  #room = 0;
  #isOver = false;

  constructor(socket: Socket, listener: ConnectionListener) {
    this.#socket = socket;
    this.#listener = listener;
    this.#output = new FrameOutput(socket);
    this.#streams = new Streams(this.#output, this.#peer, {
      onStream: (stream, headers) => listener.onStream(stream, headers),
      onStreamClosed: () => this.#streamClosed(),
    });
    this.#begin();
    socket.on("data", (chunk: Buffer) => this.#take(chunk));
    socket.on("drain", () => this.#drained());
    // It is followed by the end, which is heard.
    socket.on("error", () => undefined);
    socket.once("close", () => this.#closed());
  }

  /** How many streams are open. */
  get streamCount(): number {
    return this.#streams.count;
  }

  /** Asks the client whether it is still there. */
  ping(): void {
    this.#output.add(FrameType.PING, Flag.NONE, 0, Buffer.alloc(PING_BYTES));
  }

  /** Tells the client to begin no more streams here, and ends when those that there are have ended. */
  drain(): void {
    if (this.#streams.isDraining || this.#isOver) return;
    this.#streams.drain();
    this.#output.addGoAway(this.#streams.lastId, ErrorCode.NO_ERROR);
    this.#endIfDone();
  }

  /** Cuts the connection. */
  destroy(): void {
    this.#socket.destroy();
  }

  #begin(): void {
    const settings = encodeSettings([
      [Setting.MAX_CONCURRENT_STREAMS, MAX_STREAMS],
      [Setting.MAX_HEADER_LIST_SIZE, MAX_HEADER_LIST_BYTES],
    ]);
    this.#output.add(FrameType.SETTINGS, Flag.NONE, 0, settings);
    this.#output.addWindowUpdate(0, CONNECTION_WINDOW_BYTES - INITIAL_WINDOW_BYTES);
  }

  #take(chunk: Buffer): void {
    if (this.#isOver) return;
    try {
      this.#splitter.split(this.#preface.strip(chunk), this.#onFrame);
    } catch (error) {
      this.#fail(error);
    }
    // What is not read makes no more answers, until those that there are have been taken.
    if (this.#output.isOverfull) this.#socket.pause();
  }

  readonly #onFrame = (frame: Frame): boolean => {
    const isBlock = frame.type === FrameType.CONTINUATION;
    if (this.#blocks.isBegun && !isBlock) throw protocolError("a block of headers is interrupted");
    if (!this.#hasSettings) this.#requireSettings(frame);
    this.#handle(frame);
    return !this.#isOver;
  };

  #requireSettings({ type, flags }: Frame): void {
    const isSettings = type === FrameType.SETTINGS && (flags & Flag.ACK) === 0;
    if (!isSettings) throw protocolError("settings do not come first");
    this.#hasSettings = true;
  }

  #handle(frame: Frame): void {
    switch (frame.type) {
      case FrameType.DATA:
        requireStream(frame);
        this.#onData(frame);
        return;
      case FrameType.HEADERS:
      case FrameType.CONTINUATION:
        requireStream(frame);
        this.#onHeaders(frame);
        return;
      case FrameType.RST_STREAM:
        requireStream(frame);
        requireBytes(frame, ERROR_CODE_BYTES);
        this.#streams.onReset(frame.streamId);
        return;
      case FrameType.SETTINGS:
        requireConnection(frame);
        this.#onSettings(frame);
        return;
      case FrameType.PING:
        requireConnection(frame);
        requireBytes(frame, PING_BYTES);
        this.#onPing(frame);
        return;
      case FrameType.WINDOW_UPDATE:
        requireBytes(frame, WINDOW_UPDATE_BYTES);
        this.#onWindowUpdate(frame);
        return;
      case FrameType.PUSH_PROMISE:
        throw protocolError("a client pushes nothing");
      // A client says by GOAWAY that it begins no more streams: it closes the connection itself.
    }
  }

  #onData(frame: Frame): void {
    // There is room again at once, so that no frame can find too little of it: what nobody asks for
    // is bounded by its stream.
    this.#room += frame.payload.length;
    if (this.#room >= CONNECTION_WINDOW_BYTES / 2) {
      this.#output.addWindowUpdate(0, this.#room);
      this.#room = 0;
    }
    this.#streams.onData(frame);
  }

  #onHeaders(frame: Frame): void {
    const block = this.#blocks.add(frame);
    if (block !== undefined) this.#streams.onHeaders(block);
  }

  #onSettings(frame: Frame): void {
    if ((frame.flags & Flag.ACK) !== 0) {
      requireBytes(frame, 0);
      return;
    }
    const before = this.#peer.initialWindowBytes;
    this.#peer.read(frame.payload);
    this.#output.add(FrameType.SETTINGS, Flag.ACK, 0);
    const wider = this.#peer.initialWindowBytes - before;
    if (wider === 0) return;
    if (!this.#windowChanges.spend()) {
      throw new ConnectionError(ErrorCode.ENHANCE_YOUR_CALM, "all windows were changed too often");
    }
    this.#streams.onInitialWindow(wider);
  }

  #onPing({ flags, payload }: Frame): void {
    if ((flags & Flag.ACK) !== 0) this.#listener.onPong();
    else this.#output.add(FrameType.PING, Flag.ACK, 0, payload);
  }

  #onWindowUpdate({ streamId, payload }: Frame): void {
    const byteLength = payload.readUInt32BE() & MAX_WINDOW_BYTES;
    if (streamId === 0) this.#streams.onConnectionWindow(byteLength);
    else this.#streams.onStreamWindow(streamId, byteLength);
  }

  #drained(): void {
    this.#socket.resume();
    this.#streams.pumpBlocked();
  }

  #streamClosed(): void {
    this.#listener.onStreamClosed();
    this.#endIfDone();
  }

  #endIfDone(): void {
    if (this.#streams.isDraining && this.#streams.count === 0) this.#output.end();
  }

  #fail(error: unknown): void {
    this.#isOver = true;
    this.#output.addGoAway(this.#streams.lastId, toErrorCode(error));
    this.#output.end();
    this.#streams.abortAll();
    // What the client still sends is not read; mostly it hears why before that.
    this.#socket.destroySoon();
    if (error instanceof ConnectionError || error instanceof HeaderBlockError) return;
    this.#listener.onDefect(error);
  }

  #closed(): void {
    this.#isOver = true;
    this.#streams.abortAll();
    this.#listener.onClosed();
  }
}

function toErrorCode(error: unknown): ErrorCode {
  if (error instanceof ConnectionError) return error.code;
  return error instanceof HeaderBlockError ? ErrorCode.COMPRESSION_ERROR : ErrorCode.INTERNAL_ERROR;
}
