import { setImmediate } from "node:timers/promises";
import type {
  ListMessagesRequest,
  MessageService,
  StreamMessagesRequest,
  UpdateMessageRequest,
} from "@mofa-state/proto/mofa/state/v1/message_pb.js";
import type { HistoryRequest, HistoryStart } from "../domain/history-request.js";
import type { MessageQuery, Messages, MessageUpdate } from "../domain/messages.js";
import { encodeAppended } from "./append-encoder.js";
import { fromInt64, fromOptionalInt64 } from "./convert.js";
import { fromAppendRequest } from "./convert-append.js";
import { fromContextRequest, toProtoContext } from "./convert-context.js";
import { encodeFrame } from "./convert-frame.js";
import {
  fromProtoMessage,
  fromProtoOrder,
  fromProtoRole,
  toProtoMessage,
} from "./convert-message.js";
import type { Handlers } from "./service.js";

/**
 * A turn of the event loop goes by after each of the first frames. In it, they leave without
 * waiting for those that follow, and it is noticed if the client leaves at once: where reading
 * never waits, as in SQLite, the server would otherwise go on until the send window is full. A
 * client takes about as long to leave as this many frames take to be made.
 */
const UNHURRIED_FRAMES = 32;

/** After how many of the later frames a turn goes by. */
const HURRIED_FRAMES = 8;

/** Implements MessageService, without what writes on a stream. */
export function messageHandlers(
  messages: Messages,
): Omit<Handlers<typeof MessageService>, "writeMessage" | "pipelineAppends"> {
  return {
    async appendMessages(request, { tenantId }) {
      return encodeAppended(await messages.append(tenantId, fromAppendRequest(request)));
    },

    async *streamMessages(request, context) {
      const frames = messages.stream(context, fromStreamRequest(request));
      let sent = 0;
      for await (const frame of frames) {
        // Not before it is sent: other streams' frames are encoded into the same memory.
        yield () => encodeFrame(frame);
        sent += 1;
        const isUnhurried = sent <= UNHURRIED_FRAMES || sent % HURRIED_FRAMES === 0;
        if (isUnhurried) await setImmediate();
        if (context.aborted) return;
      }
    },

    async getMessage({ sessionId, messageId }, { tenantId }) {
      const message = await messages.get(tenantId, sessionId, messageId);
      return { message: toProtoMessage(message) };
    },

    async listMessages(request, { tenantId }) {
      const { items, nextPageToken } = await messages.list(tenantId, fromListRequest(request));
      return { messages: items.map(toProtoMessage), nextPageToken };
    },

    async getContext(request, { tenantId }) {
      return toProtoContext(await messages.context(tenantId, fromContextRequest(request)));
    },

    async updateMessage(request, { tenantId }) {
      const updated = await messages.update(tenantId, fromUpdateRequest(request));
      return { message: toProtoMessage(updated) };
    },

    async deleteMessage({ sessionId, messageId }, { tenantId }) {
      await messages.delete(tenantId, sessionId, messageId);
      return {};
    },

    async clearMessages({ sessionId, afterSequence }, { tenantId }) {
      const deleted = await messages.clear(tenantId, sessionId, fromInt64(afterSequence));
      return { deletedCount: BigInt(deleted) };
    },
  };
}

function fromListRequest(request: ListMessagesRequest): MessageQuery {
  return {
    sessionId: request.sessionId,
    pageSize: request.pageSize,
    pageToken: request.pageToken,
    order: fromProtoOrder(request.order),
    roles: request.roles.map(fromProtoRole),
  };
}

function fromUpdateRequest(request: UpdateMessageRequest): MessageUpdate {
  const { message, updateMask, expectedVersion } = request;
  return {
    sessionId: message?.sessionId ?? "",
    messageId: message?.id ?? "",
    content: message && fromProtoMessage(message),
    updateMask: updateMask?.paths ?? [],
    expectedVersion: fromOptionalInt64(expectedVersion),
  };
}

function fromStreamRequest(request: StreamMessagesRequest): HistoryRequest {
  const { sessionId, start, follow, includeDeltas, frameMaxMessages } = request;
  return { sessionId, start: toStart(start), follow, includeDeltas, frameMaxMessages };
}

function toStart(start: StreamMessagesRequest["start"]): HistoryStart {
  switch (start.case) {
    case "afterSequence":
      return { from: "after_sequence", afterSequence: fromInt64(start.value) };
    case "lastMessages":
      return { from: "last_messages", lastMessages: start.value };
    case "resumeToken":
      return { from: "resume_token", resumeToken: start.value };
    case undefined:
      return { from: "beginning" };
  }
}
