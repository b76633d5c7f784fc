import { create, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import type { ServerWritableStream } from "@grpc/grpc-js";
import {
  type AppendMessagesRequest,
  type Message,
  type StreamMessagesRequest,
  StreamMessagesResponseSchema,
} from "@mofa-state/proto/mofa/state/v1/message_pb.js";
import { nextId } from "./payload.js";

type FollowerCall = ServerWritableStream<StreamMessagesRequest, Buffer>;

interface Followed {
  readonly calls: Set<FollowerCall>;
  head: number;
}

const followedById = new Map<string, Followed>();

/** Keeps a stream open, and says that it has caught up. */
export function addFollower(call: FollowerCall): void {
  const { sessionId } = call.request;
  const followed = followedById.get(sessionId) ?? { calls: new Set(), head: 0 };
  followedById.set(sessionId, followed);
  followed.calls.add(call);
  call.on("cancelled", () => followed.calls.delete(call));
  call.write(encode({ case: "caughtUp", value: {} }));
}

/** Writes what was appended to all that follow the session, encoded once. */
export function announce({ sessionId }: AppendMessagesRequest, messages: readonly Message[]): void {
  const followed = followedById.get(sessionId);
  if (followed === undefined) return;
  const numbered = messages.map((message) => {
    followed.head += 1;
    return { ...message, sequence: BigInt(followed.head) };
  });
  const frame = encode({ case: "messages", value: { messages: numbered } });
  for (const call of followed.calls) call.write(frame);
}

function encode(frame: MessageInitShape<typeof StreamMessagesResponseSchema>["frame"]): Buffer {
  const response = create(StreamMessagesResponseSchema, {
    resumeToken: nextId(),
    ...(frame && { frame }),
  });
  return Buffer.from(toBinary(StreamMessagesResponseSchema, response));
}
