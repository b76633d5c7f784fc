import { once } from "node:events";
import type { ClientHttp2Session } from "node:http2";
import { create, toBinary } from "@bufbuild/protobuf";
import { StreamMessagesRequestSchema } from "@mofa-state/proto/mofa/state/v1/message_pb.js";
import { beginBareCall, toGrpcFrame } from "../support/bare-call.js";

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
  const stream = beginBareCall(connection, "/mofa.state.v1.MessageService/StreamMessages");
  stream.on("error", () => undefined);
  stream.end(toGrpcFrame(toBinary(StreamMessagesRequestSchema, request)));
  await once(stream, "response");
  return { cancel: () => stream.close() };
}
