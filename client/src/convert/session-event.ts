import type {
  Change,
  MessageDelta,
  StreamMessagesResponse,
} from "@mofa-state/proto/mofa/state/v1/message_pb.js";
import type { SessionEvent } from "../model/follow.js";
import { toMessage } from "./message.js";
import { toPart } from "./part.js";
import { fromInt64 } from "./scalar.js";
import { toSessionInfo } from "./session.js";

type Happening<E = SessionEvent> = E extends SessionEvent ? Omit<E, "resumeToken"> : never;

/** Gives what a frame tells of, in its order; the last event has the frame's token. */
export function toSessionEvents({ frame, resumeToken }: StreamMessagesResponse): SessionEvent[] {
  const happenings = toHappenings(frame);
  return happenings.map((happening, index) => {
    const isLast = index === happenings.length - 1;
    return { ...happening, resumeToken: isLast ? resumeToken : undefined };
  });
}

function toHappenings(frame: StreamMessagesResponse["frame"]): readonly Happening[] {
  switch (frame.case) {
    case "messages":
      return frame.value.messages.map((message) => ({
        type: "message",
        message: toMessage(message),
      }));
    case "delta":
      return toDelta(frame.value);
    case "change":
      return toChange(frame.value);
    default:
      return [];
  }
}

function toDelta({ messageId, delta, ...place }: MessageDelta): readonly Happening[] {
  const sequence = fromInt64(place.sequence);
  if (delta.case === "text") {
    const offset = fromInt64(place.offset);
    return [{ type: "text_delta", messageId, sequence, offset, text: delta.value }];
  }
  if (delta.case === "part") {
    const { partIndex } = place;
    return [{ type: "part_delta", messageId, sequence, partIndex, part: toPart(delta.value) }];
  }
  return [];
}

function toChange({ change, ...answer }: Change): readonly Happening[] {
  const revision = fromInt64(answer.revision);
  switch (change.case) {
    case "messageUpdated":
      return [{ type: "message_updated", revision, message: toMessage(change.value) }];
    case "messageDeleted": {
      const { messageId, sequence } = change.value;
      return [{ type: "message_deleted", revision, messageId, sequence: fromInt64(sequence) }];
    }
    case "messagesCleared": {
      const afterSequence = fromInt64(change.value.afterSequence);
      const throughSequence = fromInt64(change.value.throughSequence);
      return [{ type: "messages_cleared", revision, afterSequence, throughSequence }];
    }
    case "sessionUpdated":
      return [{ type: "session_updated", revision, session: toSessionInfo(change.value) }];
    case "sessionDeleted":
      return [{ type: "session_deleted", revision }];
    default:
      return toStateChange(change, revision);
  }
}

function toStateChange(change: Change["change"], revision: number): readonly Happening[] {
  if (change.case === "statePut") {
    const states = change.value.states.map(({ key, version, mediaType }) => {
      return { key, version: fromInt64(version), mediaType };
    });
    return [{ type: "state_put", revision, states }];
  }
  if (change.case === "stateDeleted") {
    const { key, version } = change.value;
    return [{ type: "state_deleted", revision, key, version: fromInt64(version) }];
  }
  // A newer server may tell of things that did not exist when this client was written.
  return [];
}
