import { invalidArgument } from "../../domain/errors.js";
import { FilledBytes } from "../http2/filled-bytes.js";
import { requestTooLarge } from "./request-too-large.js";

/** One message of a client, as gRPC frames it. */
export interface RequestFrame {
  readonly isCompressed: boolean;
  /** Is nobody else's memory. */
  readonly bytes: Buffer;
}

/** What stands before each message: whether it is compressed, and its length in four bytes. */
export const PREFIX_BYTES = 5;

const NOTHING = Buffer.alloc(0);

/**
 * Splits what a client sends into its messages.
 *
 * It holds at most 64 KiB of a message or twice what has come of it, however the client cut it.
 * Source of the framing: https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md
 */
export class RequestFrames {
  readonly #maxBytes: number;
  /** What has come and was not used lies between two places in this. */
  #bytes: Buffer = NOTHING;
  #start = 0;
  #end = 0;
  /** Whether that memory is its own. */
  #isOwn = true;
  #used = 0;
  #partial: PartialFrame | undefined;

  /** A message may have `maxBytes` bytes. */
  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** Whether a message has begun that is not complete. */
  get isInMessage(): boolean {
    return this.#partial !== undefined || this.#start < this.#end;
  }

  /** Takes what has come next: a view, of which {@link keep} copies what was not used. */
  add(chunk: Buffer): void {
    if (this.#start < this.#end) this.#append(chunk);
    else this.#hold(chunk, false);
  }

  /** Copies what was not used. */
  keep(): void {
    if (this.#isOwn) return;
    this.#hold(Buffer.from(this.#bytes.subarray(this.#start, this.#end)), true);
  }

  /** Gives how many bytes were used since it was asked last. */
  takeUsed(): number {
    const used = this.#used;
    this.#used = 0;
    return used;
  }

  /** Lets go of what has come, and gives how many bytes of it were not used. */
  clear(): number {
    const unused = this.#end - this.#start;
    this.#hold(NOTHING, true);
    this.#partial = undefined;
    return unused;
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

  #hold(bytes: Buffer, isOwn: boolean): void {
    this.#bytes = bytes;
    this.#start = 0;
    this.#end = bytes.length;
    this.#isOwn = isOwn;
  }

  #append(chunk: Buffer): void {
    const length = this.#end - this.#start + chunk.length;
    if (this.#end + chunk.length > this.#bytes.length) {
      const larger = Buffer.allocUnsafe(2 * length);
      this.#bytes.copy(larger, 0, this.#start, this.#end);
      this.#bytes = larger;
      this.#start = 0;
    }
    chunk.copy(this.#bytes, this.#start + length - chunk.length);
    this.#end = this.#start + length;
  }

  #nextWhole(): RequestFrame | undefined {
    const start = this.#start;
    const available = this.#end - start;
    if (available === 0) return undefined;
    if (available >= PREFIX_BYTES) {
      const contentStart = start + PREFIX_BYTES;
      const end = contentStart + this.#lengthIn(this.#bytes, start);
      if (end <= this.#end) {
        const isCompressed = this.#bytes[start] === 1;
        // A copy: the memory is a part of all that came at once on the connection.
        const bytes = Buffer.from(this.#bytes.subarray(contentStart, end));
        this.#use(end - start);
        return { isCompressed, bytes };
      }
    }
    this.#partial = new PartialFrame();
    return this.#nextPartial(this.#partial);
  }

  #nextPartial(partial: PartialFrame): RequestFrame | undefined {
    this.#fill(partial.prefix);
    if (!partial.prefix.isFull) return undefined;
    partial.message ??= new FilledBytes(this.#lengthIn(partial.prefix.bytes, 0));
    this.#fill(partial.message);
    if (!partial.message.isFull) return undefined;
    this.#partial = undefined;
    return { isCompressed: partial.prefix.bytes[0] === 1, bytes: partial.message.bytes };
  }

  #fill(part: FilledBytes): void {
    this.#use(part.fill(this.#bytes, this.#start, this.#end));
  }

  #use(byteLength: number): void {
    this.#start += byteLength;
    this.#used += byteLength;
    // Also a view of nothing keeps all of its memory.
    if (this.#start === this.#end) this.#hold(NOTHING, true);
  }

  #lengthIn(bytes: Buffer, at: number): number {
    const flag = bytes[at];
    if (flag !== 0 && flag !== 1) {
      throw invalidArgument([{ field: "request", description: "must be framed as gRPC demands" }]);
    }
    const byteLength = bytes.readUInt32BE(at + 1);
    if (byteLength > this.#maxBytes) throw requestTooLarge(byteLength, this.#maxBytes);
    return byteLength;
  }
}

/** A message that comes in several parts. */
class PartialFrame {
  readonly prefix = new FilledBytes(PREFIX_BYTES);
  /** Undefined until its length is known. */
  message: FilledBytes | undefined;
}
