import type { CallOptions } from "./call-options.js";
import { fromPart } from "./convert/part.js";
import { fromStart } from "./convert/write-requests.js";
import type { StateError } from "./errors.js";
import type { Message } from "./model/message.js";
import type { Part } from "./model/part.js";
import type { MessageEnding, MessageHeader, WritingStart } from "./model/writing.js";
import { quiet } from "./quiet.js";
import { toStateError } from "./transport/status.js";
import type { Transport } from "./transport/transport.js";
import { newId } from "./uuid.js";
import { toEnd } from "./writing/end.js";
import { SendBuffer } from "./writing/send-buffer.js";
import { WholeText } from "./writing/whole-text.js";
import { alreadyFinished, WriteStream } from "./writing/write-stream.js";

/** How to write a message. */
export interface WriteOptions {
  /**
   * A UUID of the writer's own; one is chosen if it is absent. A writer that comes back with
   * the same one, in another process even, goes on at once; another one has to wait until the
   * lease of the first has run out.
   */
  readonly writerId?: string | undefined;
  /** The head that the session must have; 0 if nothing was ever appended. Absent is any. */
  readonly expectedHeadSequence?: number | undefined;
  /** Ends the writing with `cancelled`; the message is interrupted when its lease has run out. */
  readonly signal?: AbortSignal | undefined;
  /**
   * How long an answer of the server may take, with all that is done to connect again, in
   * milliseconds; then the writing has failed. The default is that of `connect`, 30 s.
   */
  readonly timeoutMs?: number | undefined;
}

/** How much may be unacknowledged, in bytes, and as a part of what is acknowledged if that is more. */
const MAX_UNACKNOWLEDGED_BYTES = 256 * 1024;
const MAX_UNACKNOWLEDGED_PART = 1 / 8;

/**
 * Writes one message piece by piece, as `Session.write` gives it.
 *
 * It connects by itself, and again whenever the connection breaks; then it sends what the
 * server has not acknowledged. Once the writing has failed, every method fails with its error.
 */
export class MessageWriter {
  /** The message's id. */
  readonly id: string;
  readonly #buffer = new SendBuffer();
  readonly #text = new WholeText();
  readonly #stream: WriteStream;
  #isEnding = false;
  #isFlushing = false;
  /** The finished message. */
  #message: Message | undefined;
  /** What the writing failed with. */
  #failure: StateError | undefined;
  readonly #waiting: (() => void)[] = [];

  /** @internal */
  constructor(
    transport: Transport,
    sessionId: string,
    header: MessageHeader,
    options: WriteOptions & CallOptions,
  ) {
    const { writerId = newId(), expectedHeadSequence } = options;
    this.id = header?.id ?? newId();
    const start = { sessionId, messageId: this.id, header, writerId, expectedHeadSequence };
    const writing = {
      start: fromStart(start),
      buffer: this.#buffer,
      onProgress: () => this.#goOn(),
    };
    this.#stream = new WriteStream(transport, writing, options);
    void this.#settle();
  }

  /**
   * Where the message begins, or goes on, once the server has told: after the end of what an
   * earlier writer left. What is written is added there.
   *
   * It fails if the writing fails before.
   */
  get opened(): Promise<WritingStart> {
    return this.#stream.opened;
  }

  /** The message, once it is finished; it fails as soon as the writing has failed for good. */
  get ended(): Promise<Message> {
    return this.#stream.result;
  }

  /** How many UTF-8 bytes of the content are known to be on disk. */
  get acknowledged(): number {
    if (this.#message) return Buffer.byteLength(this.#message.content);
    return this.#buffer.acknowledged;
  }

  /**
   * Adds text, or a part.
   *
   * It returns when what was written is on its way, not when it is on disk; while more than
   * 256 KiB are not acknowledged, and more than an eighth of what is, it waits. Text may be
   * cut anywhere, also within a surrogate pair: the first half is sent with the second.
   *
   * What only the server refuses, such as a part that breaks its rules or is too large, ends
   * the writing: this or a later call fails with its error.
   *
   * @throws StateError `invalid_argument` if it cannot be sent or has U+0000; the writing may
   * go on.
   * @throws StateError `failed_precondition` once the message is finished.
   * @throws StateError `aborted` WRITER_ACTIVE if another writer holds the lease, WRITER_REPLACED
   * if one took the message over, OFFSET_MISMATCH if one wrote with the same `writerId`.
   * @throws StateError `not_found` MESSAGE_DELETED or SESSION_DELETED.
   */
  write(piece: string | Part): Promise<void> {
    return quiet(this.#write(piece));
  }

  /**
   * Finishes the message, and gives it as it is on disk. Repeating it gives the same.
   *
   * @throws StateError `invalid_argument` if the ending cannot be sent or has U+0000: the writing
   * may go on; or if the text ends within a surrogate pair: it may be finished again, without
   * that half.
   * @throws StateError `aborted` WRITER_REPLACED also if the message came back finished with
   * more or less than was written: another writer finished it, or it was edited since.
   * @throws StateError as `write` does.
   */
  finish(ending: MessageEnding = {}): Promise<Message> {
    return quiet(this.#finish(ending));
  }

  /** Finishes the message as it is so far, as `interrupted`. */
  interrupt(): Promise<Message> {
    return this.finish({ status: "interrupted" });
  }

  /** Interrupts the message at the end of an `await using` block, unless it is finished. */
  async [Symbol.asyncDispose](): Promise<void> {
    // What cannot be interrupted now is when its lease has run out.
    await this.interrupt().catch(() => undefined);
  }

  async #write(piece: string | Part): Promise<void> {
    if (this.#failure) throw this.#failure;
    if (this.#isEnding || this.#message) throw alreadyFinished(this.id);
    if (typeof piece === "object") this.#buffer.addPart(fromPart(piece, "delta.part"));
    else this.#buffer.addText(this.#text.take(piece));
    this.#flushSoon();
    while (this.#isFull && this.#message === undefined) {
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
      if (this.#failure) throw this.#failure;
    }
  }

  async #finish(ending: MessageEnding): Promise<Message> {
    if (this.#isEnding || this.#message || this.#failure) return this.#stream.result;
    // First, since what is refused must take nothing of the text.
    const end = toEnd(ending);
    if (ending.status !== "interrupted") this.#text.end();
    this.#stream.finish(end);
    this.#isEnding = true;
    return this.#stream.result;
  }

  get #isFull(): boolean {
    const part = MAX_UNACKNOWLEDGED_PART * this.#buffer.acknowledged;
    return this.#buffer.bytes > Math.max(MAX_UNACKNOWLEDGED_BYTES, part);
  }

  /** Sends what this turn of the event loop brings, as one. */
  #flushSoon(): void {
    if (this.#isFlushing) return;
    this.#isFlushing = true;
    setImmediate(() => {
      this.#isFlushing = false;
      this.#stream.flush();
    });
  }

  #goOn(): void {
    for (const resolve of this.#waiting.splice(0)) resolve();
  }

  async #settle(): Promise<void> {
    try {
      this.#message = await this.#stream.result;
    } catch (error) {
      this.#failure = toStateError(error);
    }
    this.#goOn();
  }
}
