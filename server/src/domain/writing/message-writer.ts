import { Checks } from "../checks.js";
import { StateError } from "../errors.js";
import type { Extent, Message, Part } from "../model.js";
import { MAX_PARTS, measurePart } from "../new-message.js";
import { hashPart } from "../request-hash.js";
import type { SessionRef } from "../storage.js";
import type { WriteRef } from "../write-storage.js";
import { Checkpoints } from "./checkpoints.js";
import type { Ending } from "./write-checks.js";
import type { Acknowledgement } from "./write-input.js";
import type { WritingEnvironment } from "./writing-environment.js";

/** Whom a {@link MessageWriter} tells. */
export interface WriterListener {
  /** So much is durable. */
  acknowledged(acknowledgement: Acknowledgement): void;
  /** The writing cannot go on. */
  failed(error: unknown): void;
}

/** A message that was started with an epoch. */
export interface StartedMessage {
  readonly message: Message;
  readonly epoch: number;
}

/**
 * One writing of one message: takes text and parts, and shows them at once to those who
 * follow the session here.
 *
 * Its methods are called one at a time. Where the storage fails, they throw its error.
 */
export class MessageWriter {
  readonly #environment: WritingEnvironment;
  readonly #ref: WriteRef;
  readonly #listener: WriterListener;
  readonly #checkpoints: Checkpoints;
  /** What the message has beside its parts, and its parts. */
  #bytes: number;
  #partBytes: number;
  /** The durable message and its content in UTF-8, as long as nothing is added to it. */
  #known: { readonly message: Message; readonly content: Buffer } | undefined;

  /** Goes on with a message, and tells at once from where. */
  constructor(
    environment: WritingEnvironment,
    { tenantId, sessionId }: SessionRef,
    { message, epoch }: StartedMessage,
    listener: WriterListener,
  ) {
    const { id: messageId, sequence, content, parts } = message;
    this.#environment = environment;
    this.#ref = { tenantId, sessionId, messageId, sequence, epoch };
    this.#listener = listener;
    this.#partBytes = measureParts(parts);
    this.#bytes = message.bytes - this.#partBytes;
    const durable = { offset: Buffer.byteLength(content), partCount: parts.length };
    this.#checkpoints = new Checkpoints(environment, this.#ref, durable, {
      stored: (extent) => this.#acknowledge(extent),
      failed: (error) => listener.failed(error),
    });
    this.#acknowledge(durable);
  }

  /** Which writing it is. */
  get ref(): WriteRef {
    return this.#ref;
  }

  /**
   * Takes text that comes after `offset` bytes; what repeats the text so far is skipped.
   *
   * @throws StateError `aborted` OFFSET_MISMATCH if it differs from that, or leaves a gap.
   * @throws StateError `resource_exhausted` LIMIT_EXCEEDED if the message gets too large.
   */
  async takeText(offset: number, text: string): Promise<void> {
    const { offset: end } = this.#checkpoints.extent;
    if (offset > end) throw offsetMismatch("text", end, offset);
    if (offset === end) {
      this.#addText(text);
      return;
    }
    const present = (await this.#readDurable()).content.subarray(offset);
    const given = Buffer.from(text);
    const length = Math.min(present.length, given.length);
    if (!present.subarray(0, length).equals(given.subarray(0, length))) {
      throw offsetMismatch("text", end, offset);
    }
    this.#addText(given.toString("utf8", length));
  }

  /** Takes a part that comes after `index` others, as {@link takeText} does. */
  async takePart(index: number, part: Part): Promise<void> {
    const { partCount: end } = this.#checkpoints.extent;
    if (index > end) throw offsetMismatch("part", end, index);
    if (index === end) {
      this.#addPart(part);
      return;
    }
    const present = (await this.#readDurable()).message.parts[index];
    if (present === undefined || !isSamePart(part, present)) {
      throw offsetMismatch("part", end, index);
    }
  }

  /** Waits until there is room for more. */
  room(): Promise<void> {
    return this.#checkpoints.room();
  }

  /** Ends the message, and gives it. */
  async finish(ending: Ending): Promise<Message> {
    const { allParts } = ending;
    const partBytes = allParts === undefined ? this.#partBytes : measureParts(allParts);
    this.#refuseOver("finish.parts", this.#bytes + partBytes);
    return await this.#checkpoints.finish(ending);
  }

  /** Leaves the message to any writer, see {@link Checkpoints.release}. */
  release(): Promise<void> {
    return this.#checkpoints.release();
  }

  #addText(text: string): void {
    if (text === "") return;
    const byteLength = Buffer.byteLength(text);
    this.#refuseOver("delta.text", this.#bytes + this.#partBytes + byteLength);
    this.#bytes += byteLength;
    this.#show(text, []);
    this.#checkpoints.addText(text, byteLength);
  }

  #addPart(part: Part): void {
    const byteLength = measurePart(part);
    this.#refuseOver("delta.part", this.#bytes + this.#partBytes + byteLength);
    if (this.#checkpoints.extent.partCount >= MAX_PARTS) {
      refuseTooLarge("delta.part", `${MAX_PARTS} parts in one message`);
    }
    this.#partBytes += byteLength;
    this.#show("", [part]);
    this.#checkpoints.addPart(part);
  }

  #show(text: string, parts: readonly Part[]): void {
    const { sessionId, messageId, sequence, epoch } = this.#ref;
    const { offset, partCount: partIndex } = this.#checkpoints.extent;
    const delta = { messageId, sequence, epoch, offset, text, partIndex, parts };
    this.#known = undefined;
    this.#environment.announcements.written(sessionId, delta);
  }

  async #readDurable(): Promise<{ readonly message: Message; readonly content: Buffer }> {
    await this.#checkpoints.flush();
    if (this.#known !== undefined) return this.#known;
    const { storage } = this.#environment;
    const message = await storage.messages.get(this.#ref, this.#ref.messageId);
    this.#known = { message, content: Buffer.from(message.content) };
    return this.#known;
  }

  #refuseOver(field: string, bytes: number): void {
    const { maxRequestBytes } = this.#environment.limits;
    if (bytes > maxRequestBytes) {
      refuseTooLarge(field, `${maxRequestBytes} bytes in the whole message`);
    }
  }

  #acknowledge(durable: Extent): void {
    const { messageId, sequence } = this.#ref;
    this.#listener.acknowledged({ messageId, sequence, ...durable });
  }
}

function measureParts(parts: readonly Part[]): number {
  return parts.reduce((sum, part) => sum + measurePart(part), 0);
}

function isSamePart(one: Part, other: Part): boolean {
  return Buffer.from(hashPart(one)).equals(hashPart(other));
}

function refuseTooLarge(field: string, limit: string): void {
  const checks = new Checks();
  checks.tooLarge(field, limit);
  checks.throwIfAny();
}

function offsetMismatch(what: "text" | "part", expected: number, actual: number): StateError {
  const message =
    actual > expected
      ? `the ${what} at ${actual} leaves a gap: go on at ${expected}`
      : `the ${what} at ${actual} differs from what is there: repeat it as it was, or go on at ${expected}`;
  return new StateError("aborted", "OFFSET_MISMATCH", message, {
    metadata: { expected: String(expected), actual: String(actual) },
  });
}
