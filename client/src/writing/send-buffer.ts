import { PartSchema, type Part as ProtoPart } from "@mofa-state/proto/mofa/state/v1/message_pb.js";
import { StateError } from "../errors.js";
import { decode, encode } from "../transport/wire.js";
import { checkPartNulls } from "./nulls.js";

/** How much of a message there is: UTF-8 bytes of content, and parts. */
export interface Extent {
  readonly offset: number;
  readonly partCount: number;
}

/** Text or a part to send, and what comes before it in the message. */
export type Piece =
  | { readonly type: "text"; readonly text: string; readonly offset: number }
  | { readonly type: "part"; readonly part: ProtoPart; readonly partIndex: number };

/** A piece, and its length in bytes. Its place counts from where this writer began. */
type Entry = Piece & { readonly bytes: number };

// A piece is to fit into what the server takes in at once, whatever was written at once.
const MAX_PIECE_LENGTH = 16_384;

const NOTHING: Extent = { offset: 0, partCount: 0 };

/** Keeps what is written to a message until the server has acknowledged it. */
export class SendBuffer {
  /** Text that no piece was made of yet. */
  #text = "";
  #entries: Entry[] = [];
  #sentCount = 0;
  #bytes = 0;
  /** What there was before; undefined until the server has told. */
  #base: Extent | undefined;
  #made = NOTHING;
  #saved = NOTHING;

  /** How many bytes are not acknowledged yet. */
  get bytes(): number {
    return this.#bytes;
  }

  /** How many UTF-8 bytes of the content the server is known to have. */
  get acknowledged(): number {
    return (this.#base ?? NOTHING).offset + this.#saved.offset;
  }

  /**
   * How much of the message there is with every piece that was made, sent or not; undefined
   * until the server has told what there was before.
   */
  get made(): Extent | undefined {
    if (this.#base === undefined) return undefined;
    const { offset, partCount } = this.#base;
    return {
      offset: offset + this.#made.offset,
      partCount: partCount + this.#made.partCount,
    };
  }

  /** Adds text, in whole characters. Texts that are added one after the other are sent as one. */
  addText(text: string): void {
    this.#text += text;
    this.#bytes += Buffer.byteLength(text);
  }

  /**
   * Adds a part as it is now, whatever its bytes are overwritten with afterwards.
   *
   * @throws StateError `invalid_argument` if it cannot be encoded, or has U+0000; nothing is
   * added then.
   */
  addPart(part: ProtoPart): void {
    // First, since what is added has to be sendable: nobody waits for what is sent later.
    const encoded = encode(PartSchema, part);
    const copy = decode(PartSchema, encoded);
    checkPartNulls(copy, "delta.part");
    const bytes = encoded.byteLength;
    this.#makePieces();
    const { offset, partCount } = this.#made;
    this.#entries.push({ type: "part", part: copy, partIndex: partCount, bytes });
    this.#made = { offset, partCount: partCount + 1 };
    this.#bytes += bytes;
  }

  /** Gives what is to be sent, each piece once, with its place in the message. */
  *unsent(): Generator<Piece, void> {
    this.#makePieces();
    const base = this.#base ?? NOTHING;
    for (const entry of this.#entries.slice(this.#sentCount)) {
      this.#sentCount += 1;
      if (entry.type === "text") yield { ...entry, offset: base.offset + entry.offset };
      else yield { ...entry, partIndex: base.partCount + entry.partIndex };
    }
  }

  /** Has everything sent again that is not acknowledged. */
  rewind(): void {
    this.#sentCount = 0;
  }

  /**
   * Drops what the server has. The first time, that is what there was before.
   *
   * @throws StateError `aborted` OFFSET_MISMATCH if the server has less than it had before,
   * or more than it was sent.
   */
  acknowledge(extent: Extent): void {
    this.#base ??= extent;
    const saved = {
      offset: extent.offset - this.#base.offset,
      partCount: extent.partCount - this.#base.partCount,
    };
    if (!isWithin(this.#saved, saved) || !isWithin(saved, this.#made)) throw this.#mismatch(extent);
    this.#saved = saved;
    const before = this.#entries.length;
    this.#entries = this.#entries.flatMap((entry) => toUnsaved(entry, saved));
    this.#sentCount = Math.max(0, this.#sentCount - (before - this.#entries.length));
    this.#bytes = this.#entries.reduce(
      (sum, { bytes }) => sum + bytes,
      Buffer.byteLength(this.#text),
    );
  }

  #makePieces(): void {
    for (let start = 0; start < this.#text.length; ) {
      const text = cut(this.#text.slice(start, start + MAX_PIECE_LENGTH));
      const { offset, partCount } = this.#made;
      const bytes = Buffer.byteLength(text);
      this.#entries.push({ type: "text", text, offset, bytes });
      this.#made = { offset: offset + bytes, partCount };
      start += text.length;
    }
    this.#text = "";
  }

  #mismatch({ offset, partCount }: Extent): StateError {
    const message = `the server has ${offset} bytes and ${partCount} parts of the message, which is not what this writer wrote: does another one write with its writerId, or was a backup restored?`;
    const metadata = { expected: String(this.acknowledged), actual: String(offset) };
    return new StateError("aborted", message, { reason: "OFFSET_MISMATCH", metadata });
  }
}

function isWithin(extent: Extent, other: Extent): boolean {
  return extent.offset <= other.offset && extent.partCount <= other.partCount;
}

/** Gives what is not saved of an entry: all, nothing, or the end of its text. */
function toUnsaved(entry: Entry, saved: Extent): readonly Entry[] {
  if (entry.type === "part") return entry.partIndex < saved.partCount ? [] : [entry];
  const savedBytes = saved.offset - entry.offset;
  if (savedBytes <= 0) return [entry];
  if (savedBytes >= entry.bytes) return [];
  const text = Buffer.from(entry.text).subarray(savedBytes).toString();
  return [{ ...entry, text, offset: saved.offset, bytes: entry.bytes - savedBytes }];
}

/** Leaves out half a character at the end. */
function cut(text: string): string {
  return /[\ud800-\udbff]$/.test(text) ? text.slice(0, -1) : text;
}
