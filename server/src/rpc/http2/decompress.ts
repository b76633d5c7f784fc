import { promisify } from "node:util";
import { gunzip, inflate, type ZlibOptions } from "node:zlib";
import { invalidArgument, type StateError } from "../../domain/errors.js";
import { requestTooLarge } from "./request-too-large.js";

/** What a client may compress its requests with, as `grpc-accept-encoding` says. */
export const ACCEPTED_ENCODINGS = "identity,deflate,gzip";

type Decompression = (bytes: Buffer, options: ZlibOptions) => Promise<Buffer>;

const DECOMPRESSIONS = new Map<string, Decompression>([
  ["gzip", promisify(gunzip)],
  ["deflate", promisify(inflate)],
]);

/** Whether requests may be compressed so; `identity` is not at all. */
export function isAcceptedEncoding(encoding: string): boolean {
  return encoding === "identity" || DECOMPRESSIONS.has(encoding);
}

/**
 * Decompresses a request that has at most `maxBytes` bytes then.
 *
 * @throws StateError `resource_exhausted` REQUEST_TOO_LARGE if it has more.
 * @throws StateError `invalid_argument` if it is not compressed so.
 */
export async function decompress(
  bytes: Buffer,
  encoding: string,
  maxBytes: number,
): Promise<Buffer> {
  const decompression = DECOMPRESSIONS.get(encoding);
  if (decompression === undefined) throw notCompressedSo(encoding);
  try {
    // One byte at the least: zlib takes no limit of none.
    const done: Promise<Buffer> = decompression(bytes, { maxOutputLength: Math.max(maxBytes, 1) });
    return await done;
  } catch (error) {
    const isTooLarge =
      error instanceof Error && "code" in error && error.code === "ERR_BUFFER_TOO_LARGE";
    throw isTooLarge ? requestTooLarge(undefined, maxBytes) : notCompressedSo(encoding);
  }
}

function notCompressedSo(encoding: string): StateError {
  const description = `must be compressed as grpc-encoding says (${encoding})`;
  return invalidArgument([{ field: "request", description }]);
}
