import { invalidArgument } from "../../domain/errors.js";
import { requestTooLarge } from "./request-too-large.js";

/** One message of a client, as gRPC frames it. */
export interface RequestFrame {
  readonly isCompressed: boolean;
  /** Is nobody else's memory. */
  readonly bytes: Buffer;
}

/** What stands before each message: whether it is compressed, and its length in four bytes. */
export const PREFIX_BYTES = 5;

/** How much memory a message is given before as much has come of it. */
const FIRST_CAPACITY_BYTES = 64 * 1024;

const NOTHING = Buffer.alloc(0);

/**
 * Splits what a client sends into its messages.
 *
 * It holds at most 64 KiB of a message or twice what has come of it, however the client cut it.
 * Source of the framing: https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md
 */
export class RequestFrames {
  readonly #maxBytes: number;
  #chunk: Buffer = NOTHING;
  #partial: PartialFrame | undefined;

  /** A message may have `maxBytes` bytes. */
  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** Whether a message has begun that is not complete. */
  get isInMessage(): boolean {
    return this.#partial !== undefined || this.#chunk.byteLength > 0;
  }

  /** Takes what has come next; what came before has been taken by {@link next}. */
  add(chunk: Buffer): void {
    this.#chunk = chunk;
  }

  /** Lets go of what has come. */
  clear(): void {
    this.#chunk = NOTHING;
    this.#partial = undefined;
  }

  /**
   * Gives the next message; undefined if more has to come first.
   *
   * @throws StateError `resource_exhausted` REQUEST_TOO_LARGE as soon as its length is known.
   * @throws StateError `invalid_argument` if it is not framed as gRPC demands.
   */
  next(): RequestFrame | undefined {
    return this.#partial === undefined ? this.#nextWhole() : this.#nextPartial(this.#partial);
  }

  #nextWhole(): RequestFrame | undefined {
    const chunk = this.#chunk;
    if (chunk.byteLength === 0) return undefined;
    if (chunk.byteLength >= PREFIX_BYTES) {
      const end = PREFIX_BYTES + this.#lengthIn(chunk);
      if (chunk.byteLength >= end) {
        this.#chunk = restOf(chunk, end);
        // A copy: the chunk is a part of all that came at once on the connection.
        return {
          isCompressed: chunk[0] === 1,
          bytes: Buffer.from(chunk.subarray(PREFIX_BYTES, end)),
        };
      }
    }
    this.#partial = new PartialFrame();
    return this.#nextPartial(this.#partial);
  }

  #nextPartial(partial: PartialFrame): RequestFrame | undefined {
    this.#chunk = partial.prefix.fill(this.#chunk);
    if (!partial.prefix.isFull) return undefined;
    partial.message ??= new FilledBytes(this.#lengthIn(partial.prefix.bytes));
    this.#chunk = partial.message.fill(this.#chunk);
    if (!partial.message.isFull) return undefined;
    this.#partial = undefined;
    return { isCompressed: partial.prefix.bytes[0] === 1, bytes: partial.message.bytes };
  }

  #lengthIn(prefix: Buffer): number {
    const flag = prefix[0];
    if (flag !== 0 && flag !== 1) {
      throw invalidArgument([{ field: "request", description: "must be framed as gRPC demands" }]);
    }
    const byteLength = prefix.readUInt32BE(1);
    if (byteLength > this.#maxBytes) throw requestTooLarge(byteLength, this.#maxBytes);
    return byteLength;
  }
}

/** Gives what of a chunk comes after so many bytes; a view of nothing would keep all of its memory. */
function restOf(chunk: Buffer, start: number): Buffer {
  return start === chunk.byteLength ? NOTHING : chunk.subarray(start);
}

/** A message that comes in several parts. */
class PartialFrame {
  readonly prefix = new FilledBytes(PREFIX_BYTES);
  /** Undefined until its length is known. */
  message: FilledBytes | undefined;
}

/** Bytes of a known number that come in parts. */
class FilledBytes {
  readonly #byteLength: number;
  #filled = 0;
  #bytes: Buffer;

  constructor(byteLength: number) {
    this.#byteLength = byteLength;
    this.#bytes = Buffer.allocUnsafe(Math.min(byteLength, FIRST_CAPACITY_BYTES));
  }

  get isFull(): boolean {
    return this.#filled === this.#byteLength;
  }

  /** All of them, once it is full. */
  get bytes(): Buffer {
    return this.#bytes;
  }

  /** Takes what it lacks, and gives back the rest. */
  fill(chunk: Buffer): Buffer {
    const taken = Math.min(chunk.byteLength, this.#byteLength - this.#filled);
    this.#makeRoom(this.#filled + taken);
    chunk.copy(this.#bytes, this.#filled, 0, taken);
    this.#filled += taken;
    return restOf(chunk, taken);
  }

  #makeRoom(byteLength: number): void {
    if (byteLength <= this.#bytes.byteLength) return;
    const capacity = Math.min(this.#byteLength, Math.max(byteLength, 2 * this.#bytes.byteLength));
    const larger = Buffer.allocUnsafe(capacity);
    this.#bytes.copy(larger, 0, 0, this.#filled);
    this.#bytes = larger;
  }
}
