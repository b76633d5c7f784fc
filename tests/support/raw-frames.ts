import { constants } from "node:http2";
import {
  encodeHeaders,
  type FieldToEncode,
} from "../../server/src/rpc/http2/hpack/header-encoder.js";

/** The types of frames. Source: https://www.rfc-editor.org/rfc/rfc9113#section-6 */
export const Type = {
  DATA: 0,
  HEADERS: 1,
  PRIORITY: 2,
  RST_STREAM: 3,
  SETTINGS: 4,
  PUSH_PROMISE: 5,
  PING: 6,
  GOAWAY: 7,
  WINDOW_UPDATE: 8,
  CONTINUATION: 9,
} as const;

/** The flags of frames. */
export const Flags = {
  NONE: constants.NGHTTP2_FLAG_NONE,
  ACK: constants.NGHTTP2_FLAG_ACK,
  END_STREAM: constants.NGHTTP2_FLAG_END_STREAM,
  END_HEADERS: constants.NGHTTP2_FLAG_END_HEADERS,
  PADDED: constants.NGHTTP2_FLAG_PADDED,
  PRIORITY: constants.NGHTTP2_FLAG_PRIORITY,
} as const;

/** What a client sends before anything else. */
export const PREFACE = Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");

const HEADER_BYTES = 9;
const NOTHING = Buffer.alloc(0);

/** Makes a frame of any kind, allowed or not. */
export function frame(
  type: number,
  flags: number,
  streamId: number,
  payload: Uint8Array = NOTHING,
): Buffer {
  const header = Buffer.alloc(HEADER_BYTES);
  header.writeUIntBE(payload.byteLength, 0, 3);
  header[3] = type;
  header[4] = flags;
  header.writeUInt32BE(streamId, 5);
  return Buffer.concat([header, payload]);
}

/** A frame as it has come. */
export interface ReceivedFrame {
  readonly type: number;
  readonly flags: number;
  readonly streamId: number;
  readonly payload: Buffer;
}

/** Reads the frames that are complete, and gives what comes after them. */
export function readFrames(bytes: Buffer, onFrame: (frame: ReceivedFrame) => void): Buffer {
  let at = 0;
  while (bytes.length - at >= HEADER_BYTES) {
    const end = at + HEADER_BYTES + bytes.readUIntBE(at, 3);
    if (end > bytes.length) break;
    const [type = 0, flags = 0] = bytes.subarray(at + 3);
    const streamId = bytes.readUInt32BE(at + 5);
    onFrame({ type, flags, streamId, payload: bytes.subarray(at + HEADER_BYTES, end) });
    at = end;
  }
  return bytes.subarray(at);
}

/** Makes SETTINGS of numbers and values. */
export function settings(...values: readonly (readonly [id: number, value: number])[]): Buffer {
  const payload = Buffer.alloc(6 * values.length);
  for (const [index, [id, value]] of values.entries()) {
    payload.writeUInt16BE(id, 6 * index);
    payload.writeUInt32BE(value, 6 * index + 2);
  }
  return frame(Type.SETTINGS, Flags.NONE, 0, payload);
}

/** Makes the settings that give streams another window at first. */
export function initialWindow(byteLength: number): Buffer {
  return settings([constants.NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, byteLength]);
}

/** Makes HEADERS, by default of a whole block with something behind it. */
export function headers(streamId: number, block: Buffer, flags = Flags.END_HEADERS): Buffer {
  return frame(Type.HEADERS, flags, streamId, block);
}

/** Makes HEADERS with as many CONTINUATION as a long block takes. */
export function headersInParts(streamId: number, block: Buffer, partBytes = 16_384): Buffer {
  const parts: Buffer[] = [];
  for (let at = 0; at < block.length; at += partBytes) {
    const type = at === 0 ? Type.HEADERS : Type.CONTINUATION;
    const flags = at + partBytes < block.length ? Flags.NONE : Flags.END_HEADERS;
    parts.push(frame(type, flags, streamId, block.subarray(at, at + partBytes)));
  }
  return Buffer.concat(parts);
}

/** Makes the block of a call, with some fields behind those that each has. */
export function callBlock(path: string, fields: readonly FieldToEncode[] = []): Buffer {
  return encodeHeaders([
    [":method", "POST"],
    [":scheme", "http"],
    [":path", path],
    ["content-type", "application/grpc"],
    ["te", "trailers"],
    ...fields,
  ]);
}

/** Makes a field that its receiver keeps, so that later blocks can refer to it by {@link KEPT}. */
export function keptField(name: string, value: string): Buffer {
  const [nameBytes, valueBytes] = [Buffer.from(name), Buffer.from(value)];
  const sizes = [0x40, nameBytes.byteLength, valueBytes.byteLength] as const;
  if (sizes.some((size) => size > 126)) throw new Error("the field is too long for one byte");
  return Buffer.concat([
    Buffer.from([sizes[0], sizes[1]]),
    nameBytes,
    Buffer.from([sizes[2]]),
    valueBytes,
  ]);
}

/** Refers to the field that was kept last. */
export const KEPT = Buffer.from([0x80 | 62]);

/** Makes the block of a call whose path is encoded already, as {@link keptField} does. */
export function callBlockOf(path: Buffer): Buffer {
  const pseudo = encodeHeaders([
    [":method", "POST"],
    [":scheme", "http"],
  ]);
  return Buffer.concat([pseudo, path, encodeHeaders([["content-type", "application/grpc"]])]);
}

/** Makes DATA; by default more of it follows. */
export function data(streamId: number, payload: Uint8Array, flags = Flags.NONE): Buffer {
  return frame(Type.DATA, flags, streamId, payload);
}

/** Makes a whole call of one request: by default the empty message. */
export function wholeCall(streamId: number, path: string, body: Uint8Array = Buffer.alloc(5)) {
  return Buffer.concat([
    headers(streamId, callBlock(path)),
    data(streamId, body, Flags.END_STREAM),
  ]);
}

/** Makes RST_STREAM. */
export function reset(streamId: number): Buffer {
  return frame(Type.RST_STREAM, Flags.NONE, streamId, uint32(constants.NGHTTP2_CANCEL));
}

/** Makes WINDOW_UPDATE, of the connection with the id 0. */
export function windowUpdate(streamId: number, byteLength: number): Buffer {
  return frame(Type.WINDOW_UPDATE, Flags.NONE, streamId, uint32(byteLength));
}

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}
