import { StateError } from "../errors.js";
import type { Extent, Message, Part } from "../model.js";
import type { WriteRef, WrittenText } from "../write-storage.js";
import { UnstoredText } from "./unstored-text.js";
import type { Ending } from "./write-checks.js";
import type { WritingEnvironment } from "./writing-environment.js";

/** Whom {@link Checkpoints} tell. */
export interface CheckpointListener {
  /** More is durable. */
  stored(durable: Extent): void;
  /** The writing cannot go on; what is not durable yet may be lost. */
  failed(error: unknown): void;
}

/** How much may be taken in while a checkpoint is under way, in bytes, at the least. */
const MIN_ROOM_BYTES = 64 * 1024;

/**
 * The part of a long message that may be taken in meanwhile. A checkpoint costs a database
 * as much as the whole message is long: of equal ones, a message would cost its square. So
 * they grow with it, and each is followed by a rest as long as itself.
 */
const ROOM_PART = 1 / 8;

/** How often a lease is renewed while it runs. */
const RENEWALS = 3;

/**
 * Stores what is added to one message from time to time, and holds its lease meanwhile.
 *
 * Statements are sent one at a time. One that fails ends the writing: whether it took
 * effect may be unknown, so that storing again could store twice. The listener is told, and
 * then every method but {@link release} throws the same error.
 */
export class Checkpoints {
  readonly #environment: WritingEnvironment;
  readonly #ref: WriteRef;
  readonly #listener: CheckpointListener;
  readonly #unstored = new UnstoredText();
  #extent: Extent;
  /** The checkpoint or the renewal under way. Never rejects. */
  #storing: Promise<void> | undefined;
  /** Since when the lease runs, by `performance.now()`, or a little before. */
  #leasedAt = performance.now();
  /** Until when what has come since the last checkpoint may wait, which took as long. */
  #restsUntil = 0;
  #timer: { readonly dueAt: number; readonly handle: NodeJS.Timeout } | undefined;
  /** Whether nothing is stored any more but what is asked for. */
  #isOver = false;
  #isFinished = false;
  #failure: { readonly error: unknown } | undefined;

  /** Begins where so much of the message is durable. */
  constructor(
    environment: WritingEnvironment,
    ref: WriteRef,
    durable: Extent,
    listener: CheckpointListener,
  ) {
    this.#environment = environment;
    this.#ref = ref;
    this.#extent = durable;
    this.#listener = listener;
    this.#schedule();
  }

  /** How much of the message there is, durable or not. */
  get extent(): Extent {
    return this.#extent;
  }

  /** Adds text of so many UTF-8 bytes. */
  addText(text: string, byteLength: number): void {
    const { offset, partCount } = this.#extent;
    this.#extent = { offset: offset + byteLength, partCount };
    this.#unstored.addText(text, byteLength);
    this.#schedule();
  }

  /** Adds a part. */
  addPart(part: Part): void {
    const { offset, partCount } = this.#extent;
    this.#extent = { offset, partCount: partCount + 1 };
    this.#unstored.addPart(part);
    this.#schedule();
  }

  /** Waits until there is room for more: what comes faster than it is stored is held up. */
  async room(): Promise<void> {
    const { checkpointBytes } = this.#environment;
    const part = ROOM_PART * this.#extent.offset;
    const limit = Math.max(MIN_ROOM_BYTES, 2 * checkpointBytes, part);
    while (this.#unstored.bytes > limit && !this.#isOver) {
      if (this.#storing === undefined) this.#store();
      await this.#storing;
    }
  }

  /** Stores everything that was added. */
  async flush(): Promise<void> {
    while (this.#storing !== undefined || this.#unstored.since !== undefined) {
      this.#throwIfFailed();
      if (this.#storing === undefined) this.#store();
      await this.#storing;
    }
    this.#throwIfFailed();
  }

  /** Stores the last of the message with its end, and gives it. */
  async finish(ending: Ending): Promise<Message> {
    this.#end();
    await this.#storing;
    this.#throwIfFailed();
    const { storage } = this.#environment;
    const written = this.#unstored.take();
    try {
      const { message } = await storage.writes.finish(this.#ref, { ...written, ...ending });
      this.#isFinished = true;
      return message;
    } catch (error) {
      // What is refused for its API call is still worth keeping.
      if (isReused(error)) this.#putBack(written);
      else this.#fail(error);
      throw error;
    }
  }

  #putBack({ text, parts }: WrittenText): void {
    if (text !== "") this.#unstored.addText(text, Buffer.byteLength(text));
    for (const part of parts) this.#unstored.addPart(part);
  }

  /**
   * Stores what was added, unless the writing failed, and lets any writer go on with the
   * message, unless it is finished. Never rejects: what is lost was not acknowledged.
   */
  async release(): Promise<void> {
    if (this.#isFinished) return;
    const { storage, logger } = this.#environment;
    try {
      if (this.#failure === undefined) await this.flush();
    } catch (error) {
      logger.debug({ err: error }, "the last text of a writer that is gone is not stored");
    }
    this.#end();
    await this.#storing;
    try {
      await storage.writes.release(this.#ref);
    } catch (error) {
      logger.debug({ err: error }, "a lease is not released, and ends by itself");
    }
  }

  /** Sees to it that what is due is stored when it is due. */
  #schedule(): void {
    if (this.#isOver || this.#storing !== undefined) return;
    const { checkpointBytes, checkpointIntervalMs, leaseMs } = this.#environment;
    const { bytes, since } = this.#unstored;
    const isEnough = bytes >= checkpointBytes;
    if (isEnough && performance.now() >= this.#restsUntil) {
      this.#store();
      return;
    }
    const renewAt = this.#leasedAt + leaseMs / RENEWALS;
    const waitsUntil = since === undefined ? renewAt : since + checkpointIntervalMs;
    const storeAt = isEnough ? Math.min(waitsUntil, this.#restsUntil) : waitsUntil;
    this.#setTimer(Math.min(renewAt, storeAt));
  }

  #setTimer(dueAt: number): void {
    if (this.#timer !== undefined && this.#timer.dueAt <= dueAt) return;
    clearTimeout(this.#timer?.handle);
    const delayMs = Math.max(0, dueAt - performance.now());
    this.#timer = { dueAt, handle: setTimeout(() => this.#store(), delayMs) };
  }

  #clearTimer(): void {
    clearTimeout(this.#timer?.handle);
    this.#timer = undefined;
  }

  #store(): void {
    this.#clearTimer();
    const leasedAt = performance.now();
    const isNews = this.#unstored.since !== undefined;
    this.#storing = (isNews ? this.#checkpoint() : this.#renew())
      .then(
        () => {
          this.#leasedAt = leasedAt;
        },
        (error: unknown) => this.#fail(error),
      )
      .finally(() => {
        const endedAt = performance.now();
        this.#restsUntil = endedAt + (endedAt - leasedAt);
        this.#storing = undefined;
        this.#schedule();
      });
  }

  async #checkpoint(): Promise<void> {
    const { storage, announcements, leaseMs } = this.#environment;
    const { sessionId, sequence } = this.#ref;
    const durable = this.#extent;
    const written = this.#unstored.take();
    const revision = await storage.writes.checkpoint(this.#ref, written, leaseMs);
    announcements.checkpointed(sessionId, { revision, sequence, ...durable });
    this.#listener.stored(durable);
  }

  #renew(): Promise<void> {
    const { storage, leaseMs } = this.#environment;
    return storage.writes.renew(this.#ref, leaseMs);
  }

  #end(): void {
    this.#isOver = true;
    this.#clearTimer();
  }

  #fail(error: unknown): void {
    this.#failure = { error };
    this.#end();
    this.#listener.failed(error);
  }

  #throwIfFailed(): void {
    if (this.#failure !== undefined) throw this.#failure.error;
  }
}

function isReused(error: unknown): boolean {
  return error instanceof StateError && error.reason === "ID_REUSED";
}
