import { fromBinary } from "@bufbuild/protobuf";
import {
  type Message,
  StreamMessagesResponseSchema,
} from "@mofa-state/proto/mofa/state/v1/message_pb.js";
import { type Histories, streamHistory } from "../../server/src/domain/history.js";
import type { HistoryStart } from "../../server/src/domain/history-request.js";
import type { HistoryFrame } from "../../server/src/domain/session-frame.js";
import type { SessionRef } from "../../server/src/domain/storage.js";
import { encodeFrame } from "../../server/src/rpc/convert-frame.js";
import { wholeMessage } from "../support/whole-message.js";

/** Streams a history to a reader who stays. */
export function openHistory(
  histories: Histories,
  { tenantId, sessionId }: SessionRef,
  start: HistoryStart,
): AsyncGenerator<HistoryFrame, void> {
  const reader = { tenantId, aborted: false };
  const options = { follow: false, includeDeltas: false, frameMaxMessages: 0 };
  return streamHistory(histories, reader, { sessionId, start, ...options });
}

/** Gives the messages that a frame brings, as a client decodes them: none, if it brings something else. */
export function messagesOf(frame: HistoryFrame): readonly Message[] {
  const bytes = wholeMessage(encodeFrame(frame));
  const decoded = fromBinary(StreamMessagesResponseSchema, bytes).frame;
  return decoded.case === "messages" ? decoded.value.messages : [];
}
