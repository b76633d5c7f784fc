import type { Frame } from "./frame-splitter.js";
import { ConnectionError, ErrorCode, protocolError } from "./protocol.js";

/** @throws ConnectionError PROTOCOL_ERROR unless a frame is of a stream. */
export function requireStream({ streamId }: Frame): void {
  if (streamId === 0) throw protocolError("a frame is of no stream");
}

/** @throws ConnectionError PROTOCOL_ERROR unless a frame is of the whole connection. */
export function requireConnection({ streamId }: Frame): void {
  if (streamId !== 0) throw protocolError("a frame of the connection is of a stream");
}

/** @throws ConnectionError FRAME_SIZE_ERROR unless a payload has so many bytes. */
export function requireBytes({ payload }: Frame, byteLength: number): void {
  if (payload.length === byteLength) return;
  throw new ConnectionError(
    ErrorCode.FRAME_SIZE_ERROR,
    "a frame is longer or shorter than its kind",
  );
}
