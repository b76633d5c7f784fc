// The numbers of HTTP/2. Source: https://www.rfc-editor.org/rfc/rfc9113

/** What a client sends first. */
export const PREFACE = Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "latin1");

/** How many bytes stand before the payload of a frame. */
export const FRAME_HEADER_BYTES = 9;

/** How many bytes the payload of a frame may have unless its receiver takes more. */
export const FRAME_MAX_BYTES = 16_384;

/** How much may be sent on a stream, and on a connection, before the receiver makes room for more. */
export const INITIAL_WINDOW_BYTES = 65_535;

/** The most that a window may have. */
export const MAX_WINDOW_BYTES = 2 ** 31 - 1;

export const FrameType = {
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

export const Flag = {
  NONE: 0,
  /** Of SETTINGS and PING. */
  ACK: 0x1,
  /** Of DATA and HEADERS. */
  END_STREAM: 0x1,
  END_HEADERS: 0x4,
  PADDED: 0x8,
  PRIORITY: 0x20,
} as const;

export const Setting = {
  ENABLE_PUSH: 2,
  MAX_CONCURRENT_STREAMS: 3,
  INITIAL_WINDOW_SIZE: 4,
  MAX_FRAME_SIZE: 5,
  MAX_HEADER_LIST_SIZE: 6,
} as const;

export const ErrorCode = {
  NO_ERROR: 0,
  PROTOCOL_ERROR: 1,
  INTERNAL_ERROR: 2,
  FLOW_CONTROL_ERROR: 3,
  STREAM_CLOSED: 5,
  FRAME_SIZE_ERROR: 6,
  REFUSED_STREAM: 7,
  CANCEL: 8,
  COMPRESSION_ERROR: 9,
  ENHANCE_YOUR_CALM: 11,
} as const;

/** One of the codes. */
export type ErrorCode = (typeof ErrorCode)[keyof typeof ErrorCode];

/** What a client has done that ends its connection. */
export class ConnectionError extends Error {
  readonly code: ErrorCode;

  constructor(code: ErrorCode, message: string) {
    super(message);
    this.code = code;
  }
}

/** What breaks the rules of HTTP/2. */
export function protocolError(message: string): ConnectionError {
  return new ConnectionError(ErrorCode.PROTOCOL_ERROR, message);
}
