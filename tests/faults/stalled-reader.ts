import { once } from "node:events";
import { type ClientHttp2Session, connect } from "node:http2";
import { create, toBinary } from "@bufbuild/protobuf";
import { StreamMessagesRequestSchema } from "@mofa-state/proto/mofa/state/v1/message_pb.js";
import { onTestFinished } from "vitest";

/** A reader of a session's messages that takes nothing, not even from the network. */
export interface StalledReader {
  /** Goes away, as a client that cancels its call. */
  cancel(): void;
}

/**
 * Streams a session's messages by plain HTTP/2, and waits until the stream is open.
 *
 * A client of gRPC would not do: it takes frames ahead of those that are asked for.
 */
export async function openStalledReader(
  connection: ClientHttp2Session,
  sessionId: string,
): Promise<StalledReader> {
  const request = create(StreamMessagesRequestSchema, { sessionId });
  const stream = connection.request({
    ":method": "POST",
    ":path": "/mofa.state.v1.MessageService/StreamMessages",
    "content-type": "application/grpc",
    te: "trailers",
  });
  stream.on("error", () => undefined);
  stream.end(toFrame(toBinary(StreamMessagesRequestSchema, request)));
  await once(stream, "response");
  return { cancel: () => stream.close() };
}

/** Connects to a server by plain HTTP/2, until the test ends. */
export function connectHttp2(address: string): ClientHttp2Session {
  const connection = connect(`http://${address}`);
  connection.on("error", () => undefined);
  onTestFinished(() => connection.destroy());
  return connection;
}

/** Puts in front of a message that it is not compressed, and how long it is. */
function toFrame(message: Uint8Array): Buffer {
  const header = Buffer.alloc(5);
  header.writeUInt32BE(message.byteLength, 1);
  return Buffer.concat([header, message]);
}
