import { create, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import {
  type ChangeSchema,
  type MessageDeltaSchema,
  StreamMessagesResponseSchema,
} from "@mofa-state/proto/mofa/state/v1/message_pb.js";
import type { Change } from "../domain/change-storage.js";
import type { FrameDelta, HistoryFrame, SessionFrame } from "../domain/session-frame.js";
import type { MessagePieces } from "./calls/reply-frame.js";
import { toProtoMessage, toProtoPart } from "./convert-message.js";
import { toProtoSession } from "./convert-session.js";
import { encodeBatchFrame, encodeCaughtUpFrame, encodeMessageFrame } from "./message-encoder.js";

type FrameInit = NonNullable<MessageInitShape<typeof StreamMessagesResponseSchema>["frame"]>;
type ChangeInit = NonNullable<MessageInitShape<typeof ChangeSchema>["change"]>;

const encoded = new WeakMap<SessionFrame, Uint8Array>();

/**
 * Encodes a frame of a stream; one that many followers are given is encoded once. One of a
 * history is given in pieces, of which the next one overwrites the head.
 */
export function encodeFrame(frame: SessionFrame | HistoryFrame): Uint8Array | MessagePieces {
  if (frame.type === "encoded_messages") return encodeBatchFrame(frame.slices, frame.resumeToken);
  const known = encoded.get(frame);
  if (known !== undefined) return known;
  const bytes = encode(frame);
  encoded.set(frame, bytes);
  return bytes;
}

function encode(frame: SessionFrame): Uint8Array {
  const { resumeToken } = frame;
  if (frame.type === "messages") return encodeMessageFrame(frame.messages, resumeToken);
  if (frame.type === "caught_up") return encodeCaughtUpFrame(frame, resumeToken);
  const init = { resumeToken, frame: toFrame(frame) };
  return toBinary(StreamMessagesResponseSchema, create(StreamMessagesResponseSchema, init));
}

function toFrame(
  frame: Exclude<SessionFrame, { readonly type: "messages" | "caught_up" }>,
): FrameInit {
  switch (frame.type) {
    case "delta":
      return { case: "delta", value: toProtoDelta(frame.delta) };
    case "change": {
      const revision = BigInt(frame.change.revision);
      return { case: "change", value: { revision, change: toChange(frame.change) } };
    }
    case "heartbeat": {
      const headSequence = BigInt(frame.headSequence);
      const revision = BigInt(frame.revision);
      return { case: "heartbeat", value: { headSequence, revision } };
    }
  }
}

function toProtoDelta(delta: FrameDelta): MessageInitShape<typeof MessageDeltaSchema> {
  const { messageId } = delta;
  const sequence = BigInt(delta.sequence);
  if (delta.type === "text") {
    const offset = BigInt(delta.offset);
    return { messageId, sequence, offset, delta: { case: "text", value: delta.text } };
  }
  const { partIndex } = delta;
  const part = { case: "part", value: toProtoPart(delta.part) } as const;
  return { messageId, sequence, partIndex, delta: part };
}

function toChange(change: Change): ChangeInit {
  switch (change.type) {
    case "message_updated":
      return { case: "messageUpdated", value: toProtoMessage(change.message) };
    case "message_deleted": {
      const { messageId, sequence } = change;
      return { case: "messageDeleted", value: { messageId, sequence: BigInt(sequence) } };
    }
    case "messages_cleared": {
      const afterSequence = BigInt(change.afterSequence);
      const throughSequence = BigInt(change.throughSequence);
      return { case: "messagesCleared", value: { afterSequence, throughSequence } };
    }
    case "session_updated":
      return { case: "sessionUpdated", value: toProtoSession(change.session) };
    case "session_deleted":
      return { case: "sessionDeleted", value: {} };
    case "state_put": {
      const states = change.states.map((state) => ({ ...state, version: BigInt(state.version) }));
      return { case: "statePut", value: { states } };
    }
    case "state_deleted": {
      const { key, version } = change;
      return { case: "stateDeleted", value: { key, version: BigInt(version) } };
    }
  }
}
