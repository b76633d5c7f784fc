import type { WrittenTail } from "../change-storage.js";
import type { Extent, Message, Part } from "../model.js";
import type { FrameDelta } from "../session-frame.js";
import type { Checkpoint, MessageDelta } from "./announcements.js";

/** Where the writer of a message is connected to, as far as that is known. */
type WritingOrigin = "here" | "elsewhere" | "unknown";

interface Chunk {
  readonly offset: number;
  readonly end: number;
  readonly text: string;
}

/** Tells how much of a message there is. */
export function extentOf({ content, parts }: Pick<Message, "content" | "parts">): Extent {
  return { offset: Buffer.byteLength(content), partCount: parts.length };
}

/**
 * A message that is being written: how much of it the followers here have been shown, and
 * what its writer, if that is on this server, has sent that is not durable yet.
 *
 * What is not durable is kept for those who begin to follow meanwhile: they read the
 * durable part from the database.
 */
export class Writing {
  readonly messageId: string;
  readonly sequence: number;
  /** The revision in which the writer began that is listened to, as far as that is known. */
  #since: number;
  #isForeign: boolean;
  #shown: Extent | undefined;
  /** The revision of the message that the followers were given last. */
  #givenRevision = 0;
  /** The newest revision of the message of which everything durable was shown. */
  #shownRevision = 0;
  #chunks: Chunk[] = [];
  #parts: readonly Part[] = [];
  #partIndex = 0;

  constructor(message: Pick<Message, "id" | "sequence">, origin: WritingOrigin, since = 0) {
    this.#since = since;
    this.messageId = message.id;
    this.sequence = message.sequence;
    this.#isForeign = origin === "elsewhere";
  }

  /**
   * Notes that a writer on this server began in a revision: what was not durable before is gone.
   *
   * Nothing more is shown until the followers have been given the message of that revision.
   */
  begin(revision: number): void {
    this.#since = revision;
    this.#isForeign = false;
    if (this.#givenRevision < revision) this.#shown = undefined;
    this.#forget();
  }

  /** Notes that the followers were given the message, as some revision made it. */
  show(message: Message): void {
    this.#shown = message.revision >= this.#since ? extentOf(message) : undefined;
    this.#givenRevision = message.revision;
    this.#shownRevision = message.revision;
  }

  /**
   * Notes that a revision began, ended or interrupted the writing. If it is newer than what
   * the writer on this server began, that one writes it no more.
   */
  overtake(revision: number): void {
    if (revision <= this.#since) return;
    this.#isForeign = true;
    this.#forget();
  }

  /** Tells whether a revision in which the message is not written any more is the last word. */
  isOver(revision: number): boolean {
    return revision > this.#since;
  }

  /** How much the followers have been shown; undefined until they have the message. */
  get shown(): Extent | undefined {
    return this.#shown;
  }

  /**
   * Tells whether the followers are not given the message any more, since it was deleted or
   * ended meanwhile: they have come as far as the revision in which it began.
   */
  isLost(revision: number): boolean {
    return this.#shown === undefined && this.#since <= revision;
  }

  /** Takes what the writer on this server sent, unless it began the message anew since. */
  take(delta: MessageDelta): void {
    if (this.#isForeign || delta.epoch < this.#since) return;
    if (delta.text !== "") this.#takeText(delta.offset, delta.text);
    if (delta.parts.length > 0) this.#takeParts(delta.partIndex, delta.parts);
  }

  /** Lets go of what has become durable, and tells whether the followers were shown all of it. */
  settle({ revision, offset, partCount }: Checkpoint): boolean {
    const first = this.#chunks.findIndex(({ end }) => end > offset);
    this.#chunks = first === -1 ? [] : this.#chunks.slice(first);
    this.#parts = this.#parts.slice(Math.max(partCount - this.#partIndex, 0));
    this.#partIndex = Math.max(partCount, this.#partIndex);
    const shown = this.#shown;
    const isShown = shown !== undefined && shown.offset >= offset && shown.partCount >= partCount;
    if (isShown) this.#shownRevision = revision;
    return isShown;
  }

  /** Gives what has been sent and not shown yet, and counts it as shown. */
  showPending(): readonly FrameDelta[] {
    if (this.#shown === undefined) return [];
    const { offset, partCount } = this.#shown;
    return [...this.#showText(offset), ...this.#showParts(partCount)];
  }

  /** Gives past where a revision of the message may hold more than was shown, if anywhere. */
  lacksPast(revision: number): Extent | undefined {
    return revision > this.#shownRevision ? this.#shown : undefined;
  }

  /** Gives what is durable and not shown yet, and counts it as shown. */
  showDurable({ revision, past, text, parts }: WrittenTail): readonly FrameDelta[] {
    const shown = this.#shown;
    if (shown === undefined || shown.offset < past.offset || shown.partCount < past.partCount) {
      return [];
    }
    // More may have been shown while it was read.
    const newText = Buffer.from(text).subarray(shown.offset - past.offset);
    // What was shown is of another take-over: the message comes again whole.
    if (isInsideCharacter(newText)) return [];
    const newParts = parts.slice(shown.partCount - past.partCount);
    this.#shownRevision = revision;
    this.#shown = {
      offset: shown.offset + newText.length,
      partCount: shown.partCount + newParts.length,
    };
    return [
      ...this.#textDelta(shown.offset, newText.toString()),
      ...this.#partDeltas(shown.partCount, newParts),
    ];
  }

  /** Gives all that has been shown and is not durable. */
  repeatPending(): readonly FrameDelta[] {
    const shown = this.#shown;
    if (shown === undefined) return [];
    const [first] = this.#chunks;
    const text = this.#chunks.filter(({ end }) => end <= shown.offset).map((chunk) => chunk.text);
    const parts = this.#parts.slice(0, Math.max(shown.partCount - this.#partIndex, 0));
    return [
      ...this.#textDelta(first?.offset ?? 0, text.join("")),
      ...this.#partDeltas(this.#partIndex, parts),
    ];
  }

  #takeText(offset: number, text: string): void {
    // A place that does not follow is where another writer goes on.
    if (this.#chunks.at(-1)?.end !== offset) this.#chunks = [];
    this.#chunks.push({ offset, end: offset + Buffer.byteLength(text), text });
  }

  #takeParts(partIndex: number, parts: readonly Part[]): void {
    const follows = this.#partIndex + this.#parts.length === partIndex;
    this.#parts = follows ? [...this.#parts, ...parts] : parts;
    if (!follows) this.#partIndex = partIndex;
  }

  #showText(shown: number): readonly FrameDelta[] {
    let first = this.#chunks.length;
    // From the end: what is new is mostly the last one alone.
    while ((this.#chunks[first - 1]?.end ?? 0) > shown) first -= 1;
    const [chunk, ...rest] = this.#chunks.slice(first);
    // What lies in between was sent before anybody followed: it is shown when it is durable.
    if (chunk === undefined || chunk.offset > shown) return [];
    this.#shown = { offset: (rest.at(-1) ?? chunk).end, partCount: this.#shown?.partCount ?? 0 };
    return this.#textDelta(chunk.offset, [chunk, ...rest].map(({ text }) => text).join(""));
  }

  #showParts(shown: number): readonly FrameDelta[] {
    if (this.#partIndex > shown) return [];
    const parts = this.#parts.slice(shown - this.#partIndex);
    this.#shown = { offset: this.#shown?.offset ?? 0, partCount: shown + parts.length };
    return this.#partDeltas(shown, parts);
  }

  #textDelta(offset: number, text: string): readonly FrameDelta[] {
    const { messageId, sequence } = this;
    return text === "" ? [] : [{ type: "text", messageId, sequence, offset, text }];
  }

  #partDeltas(partIndex: number, parts: readonly Part[]): readonly FrameDelta[] {
    const { messageId, sequence } = this;
    return parts.map((part, index) => ({
      type: "part",
      messageId,
      sequence,
      partIndex: partIndex + index,
      part,
    }));
  }

  #forget(): void {
    this.#chunks = [];
    this.#parts = [];
    this.#partIndex = 0;
  }
}

/** Whether UTF-8 bytes begin with the rest of a character. */
function isInsideCharacter([first = 0]: Uint8Array): boolean {
  return (first & 0xc0) === 0x80;
}
