import { type ClientHttp2Session, type ClientHttp2Stream, connect } from "node:http2";
import { toBinary } from "@bufbuild/protobuf";
import {
  type StreamMessagesRequest,
  StreamMessagesRequestSchema,
} from "@mofa-state/proto/mofa/state/v1/message_pb.js";
import { beginBareCall, toGrpcFrame } from "../support/bare-call.js";

const PREFIX_BYTES = 5;
/** Source: https://www.rfc-editor.org/rfc/rfc9113#section-6.9.2 */
const DEFAULT_WINDOW_BYTES = 65_535;

/**
 * Opens a connection for bare streams, and waits until it stands. On it and each stream may be on
 * the way what HTTP/2 allows by default, or so many bytes.
 */
export function openConnection(
  address: string,
  windowBytes = DEFAULT_WINDOW_BYTES,
): Promise<ClientHttp2Session> {
  return new Promise((resolve, reject) => {
    const settings = { initialWindowSize: windowBytes };
    const connection = connect(`http://${address}`, { settings });
    connection.once("connect", () => {
      connection.setLocalWindowSize(windowBytes);
      resolve(connection);
    });
    connection.on("error", reject);
  });
}

/**
 * Calls StreamMessages without a gRPC library, which would cost the load generator more
 * than the server for each frame. Nothing is read before the stream is.
 */
export function openBareStream(
  connection: ClientHttp2Session,
  request: StreamMessagesRequest,
): ClientHttp2Stream {
  const stream = beginBareCall(connection, "/mofa.state.v1.MessageService/StreamMessages");
  stream.end(toGrpcFrame(toBinary(StreamMessagesRequestSchema, request)));
  return stream;
}

/** Cuts what a stream brings into frames. */
export class FrameCutter {
  #rest: Buffer = Buffer.alloc(0);

  /** Takes the next bytes, and gives the frames that are whole. */
  *cut(chunk: Buffer): Generator<Buffer, void> {
    let bytes = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    while (bytes.length >= PREFIX_BYTES) {
      const end = PREFIX_BYTES + bytes.readUInt32BE(1);
      if (bytes.length < end) break;
      yield bytes.subarray(PREFIX_BYTES, end);
      bytes = bytes.subarray(end);
    }
    this.#rest = bytes;
  }
}
