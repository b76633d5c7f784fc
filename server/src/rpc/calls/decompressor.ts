import { promisify } from "node:util";
import { gunzip, inflate, type ZlibOptions } from "node:zlib";
import { invalidArgument, type StateError } from "../../domain/errors.js";
import { requestTooLarge } from "./request-too-large.js";

type Decompression = (bytes: Buffer, options: ZlibOptions) => Promise<Buffer>;

const DECOMPRESSIONS = new Map<string, Decompression>([
  ["deflate", promisify(inflate)],
  ["gzip", promisify(gunzip)],
]);

/** What a client may compress its requests with, as `grpc-accept-encoding` says. */
export const ACCEPTED_ENCODINGS = ["identity", ...DECOMPRESSIONS.keys()].join(",");

/** How much is decompressed in one step: with zlib's own 16 KiB, a large request takes four times as long. */
const CHUNK_BYTES = 256 * 1024;

/** What zlib calls bytes that are not what they should be: other bytes, or too few. */
const MALFORMED: readonly unknown[] = ["Z_DATA_ERROR", "Z_BUF_ERROR"];

/** Whether requests may be compressed so; `identity` is not at all. */
export function isAcceptedEncoding(encoding: string): boolean {
  return encoding === "identity" || DECOMPRESSIONS.has(encoding);
}

/**
 * Decompresses the requests of all clients, one after the other: what is sent within
 * milliseconds may take a thousand times the memory, and the time that goes with it.
 */
export class Decompressor {
  readonly #maxBytes: number;
  #last: Promise<unknown> = Promise.resolve();

  /** A request may have `maxBytes` bytes when it is decompressed. */
  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /**
   * Decompresses a request, unless it is not wanted any more when its turn has come: then it
   * gives undefined.
   *
   * @throws StateError `resource_exhausted` REQUEST_TOO_LARGE if it is too large then.
   * @throws StateError `invalid_argument` if it is not compressed so, or `encoding` is
   * `identity`. (gRPC asks for INTERNAL in that case, which would read as a defect here.)
   */
  decompress(
    bytes: Buffer,
    encoding: string,
    isWanted: () => boolean,
  ): Promise<Buffer | undefined> {
    const decompressed = this.#last.then(() =>
      isWanted() ? decompress(bytes, encoding, this.#maxBytes) : undefined,
    );
    this.#last = decompressed.catch(() => undefined);
    return decompressed;
  }
}

async function decompress(bytes: Buffer, encoding: string, maxBytes: number): Promise<Buffer> {
  const decompression = DECOMPRESSIONS.get(encoding);
  if (decompression === undefined) throw notCompressedSo(encoding);
  try {
    // One byte at the least: zlib takes no limit of none.
    const maxOutputLength = Math.max(maxBytes, 1);
    const done: Promise<Buffer> = decompression(bytes, { maxOutputLength, chunkSize: CHUNK_BYTES });
    return await done;
  } catch (error) {
    const code = error instanceof Error && "code" in error ? error.code : undefined;
    if (code === "ERR_BUFFER_TOO_LARGE") throw requestTooLarge(undefined, maxBytes);
    throw MALFORMED.includes(code) ? notCompressedSo(encoding) : error;
  }
}

function notCompressedSo(encoding: string): StateError {
  const description = `must be compressed as grpc-encoding says (${encoding})`;
  return invalidArgument([{ field: "request", description }]);
}
