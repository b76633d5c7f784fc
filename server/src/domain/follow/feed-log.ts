import type { Change, WrittenTail } from "../change-storage.js";
import { cutFrames } from "../history-frames.js";
import type { Extent, Message } from "../model.js";
import {
  type FrameDelta,
  type NewFrame,
  type SessionFrame,
  type StreamPosition,
  toResumeToken,
} from "../session-frame.js";
import type { Appended, SessionRef } from "../storage.js";
import type { Checkpoint, MessageDelta } from "./announcements.js";
import { Ring } from "./ring.js";
import { extentOf, Writing } from "./writing.js";

const FRAME_MAX_MESSAGES = 64;

/**
 * What the followers of one session are given here, frame by frame, and how far that goes.
 *
 * What is added must go on from the present position. Nothing is given twice: a thing that
 * was newer than its place when it was read is left out when its own place comes.
 */
export class FeedLog {
  readonly ring = new Ring();
  readonly #ref: SessionRef;
  readonly #onFrame: (frame: SessionFrame) => void;
  #position: StreamPosition = { sequence: 0, revision: 0 };
  #resumeToken: string | undefined;
  /** The messages that were given newer than the position was then, and of which revision. */
  readonly #newer = new Map<number, number>();
  readonly #writings = new Map<number, Writing>();
  /** From where on the ring has all that is shown and not durable. */
  #pendingFrom: number | undefined;

  constructor(ref: SessionRef, onFrame: (frame: SessionFrame) => void) {
    this.#ref = ref;
    this.#onFrame = onFrame;
  }

  /** How far the frames go. */
  get position(): StreamPosition {
    return this.#position;
  }

  /** Begins where the session is, with the messages that are being written there. */
  begin(position: StreamPosition, written: ReadonlySet<number>): void {
    this.#moveTo(position);
    for (const [sequence, { shown }] of this.#writings) {
      const hasEnded = sequence <= position.sequence && !written.has(sequence);
      if (hasEnded && shown !== undefined) this.#writings.delete(sequence);
    }
    this.#dropLost();
  }

  /** Notes a message whose writer began in the revision `epoch`, before the log begins. */
  resume(message: Message, epoch: number): void {
    const { sequence } = message;
    const known = this.#writings.get(sequence);
    if (known === undefined) this.#writings.set(sequence, new Writing(message, "unknown", epoch));
    this.#show(message);
  }

  /** Tells whether a message is known to be written. */
  isWritten(sequence: number): boolean {
    return this.#writings.has(sequence);
  }

  /** Adds what an append stored that comes next. */
  addAppended({ messages, agentStates, revision }: Appended): void {
    const states = agentStates.map(({ key, version, payload }) => {
      return { key, version, mediaType: payload.mediaType };
    });
    if (states.length > 0) this.addChange({ type: "state_put", revision, states }, revision);
    this.addMessages(messages, revision);
  }

  /** Adds the messages that come next, as they are at a revision or later. */
  addMessages(messages: readonly Message[], revision: number): void {
    for (const frame of cutFrames(messages, FRAME_MAX_MESSAGES)) {
      const sequence = frame.at(-1)?.sequence ?? this.#position.sequence;
      this.#moveTo({ sequence, revision });
      for (const message of frame) this.#noteNewer(message, revision);
      this.#push({ type: "messages", messages: frame });
      for (const message of frame) this.#show(message);
    }
  }

  /** Adds the change that comes next, with its result as it is at a revision or later. */
  addChange(change: Change, upToRevision: number): void {
    this.#moveTo({ sequence: this.#position.sequence, revision: change.revision });
    switch (change.type) {
      case "message_updated":
        this.#addUpdated(change, upToRevision);
        return;
      case "message_deleted":
        this.#writings.delete(change.sequence);
        break;
      case "messages_cleared":
        for (const sequence of this.#writings.keys()) {
          if (sequence > change.afterSequence) this.#writings.delete(sequence);
        }
        break;
      default:
    }
    this.#push({ type: "change", change });
  }

  /** Moves the position to where there is nothing more to give. */
  advance(position: StreamPosition): void {
    this.#moveTo(position);
    for (const [sequence, revision] of this.#newer) {
      if (revision <= position.revision) this.#newer.delete(sequence);
    }
    this.#dropLost();
  }

  /** Notes that a writer on this server has begun to write a message. */
  beginWriting(message: Message, revision: number): void {
    const { sequence } = message;
    const writing = this.#writings.get(sequence) ?? new Writing(message, "here");
    this.#writings.set(sequence, writing);
    writing.begin(revision);
    this.#pendingFrom = undefined;
  }

  /** Shows what a writer on this server has sent. */
  write(delta: MessageDelta): void {
    const writing = this.#writings.get(delta.sequence) ?? this.#expect(delta);
    writing?.take(delta);
    this.#pushDeltas(writing?.showPending());
  }

  /** Notes what has become durable, and tells whether it has been shown. */
  settle(checkpoint: Checkpoint): boolean {
    this.#pendingFrom = undefined;
    return this.#writings.get(checkpoint.sequence)?.settle(checkpoint) ?? false;
  }

  /** Gives past where a revision of a message may hold more than was shown, if anywhere. */
  lacksPast(sequence: number, revision: number): Extent | undefined {
    return this.#writings.get(sequence)?.lacksPast(revision);
  }

  /** Shows what is durable of a message that is being written. */
  showDurable(sequence: number, tail: WrittenTail): void {
    const writing = this.#writings.get(sequence);
    this.#pushDeltas(writing?.showDurable(tail));
    this.#pushDeltas(writing?.showPending());
  }

  /**
   * Gives the index from which on who holds everything up to the position, as far as it is
   * durable, finds the rest in the ring: what is written and not durable yet too.
   */
  indexOfPending(): number {
    if (this.#pendingFrom === undefined || this.#pendingFrom < this.ring.first) {
      this.#pendingFrom = this.ring.next;
      for (const writing of this.#writings.values()) this.#pushDeltas(writing.repeatPending());
    }
    return this.#pendingFrom;
  }

  #addUpdated(change: Change & { readonly type: "message_updated" }, upToRevision: number): void {
    const { message } = change;
    this.#writings.get(message.sequence)?.overtake(change.revision);
    if (this.#isGiven(message)) return;
    this.#noteNewer(message, upToRevision);
    // They lead to an older state of the message, which may have been taken back since.
    this.ring.dropDeltas(message.sequence);
    this.#push({ type: "change", change });
    this.#show(message);
  }

  /** Tells whether a message was given as new as this before, and nothing after that. */
  #isGiven(message: Message): boolean {
    if (message.revision > (this.#newer.get(message.sequence) ?? 0)) return false;
    const shown = this.#writings.get(message.sequence)?.shown;
    if (message.status !== "streaming" || shown === undefined) return true;
    const { offset, partCount } = extentOf(message);
    return shown.offset === offset && shown.partCount === partCount;
  }

  #noteNewer({ sequence, revision }: Message, upToRevision: number): void {
    if (revision > upToRevision) this.#newer.set(sequence, revision);
  }

  /** Notes how much of a message its frame has shown. */
  #show(message: Message): void {
    const { sequence, status } = message;
    const known = this.#writings.get(sequence);
    if (status !== "streaming") {
      if (known?.isOver(message.revision)) this.#writings.delete(sequence);
      return;
    }
    const writing = known ?? new Writing(message, "elsewhere");
    this.#writings.set(sequence, writing);
    writing.show(message);
    this.#pushDeltas(writing.showPending());
  }

  /** Drops the messages that were deleted, or ended, before they were shown. */
  #dropLost(): void {
    const { sequence: head, revision } = this.#position;
    for (const [sequence, writing] of this.#writings) {
      if (sequence <= head && writing.isLost(revision)) this.#writings.delete(sequence);
    }
  }

  /** A message that is here already, and not known to be written, is not written any more. */
  #expect({ messageId, sequence }: MessageDelta): Writing | undefined {
    if (sequence <= this.#position.sequence) return undefined;
    const writing = new Writing({ id: messageId, sequence }, "here");
    this.#writings.set(sequence, writing);
    return writing;
  }

  #pushDeltas(deltas: readonly FrameDelta[] = []): void {
    for (const delta of deltas) this.#push({ type: "delta", delta });
  }

  #push(frame: NewFrame): void {
    this.#resumeToken ??= toResumeToken(this.#ref, this.#position);
    const whole = { ...frame, resumeToken: this.#resumeToken };
    this.ring.push(whole, this.#position);
    this.#onFrame(whole);
  }

  #moveTo(position: StreamPosition): void {
    this.#position = position;
    this.#resumeToken = undefined;
    this.#pendingFrom = undefined;
  }
}
