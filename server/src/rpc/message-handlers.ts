import type { MessageInitShape } from "@bufbuild/protobuf";
import type {
  AppendMessagesRequest,
  AppendMessagesResponseSchema,
  ListMessagesRequest,
  MessageService,
  StreamMessagesRequest,
  StreamMessagesResponseSchema,
  UpdateMessageRequest,
} from "@mofa-state/proto/mofa/state/v1/message_pb.js";
import type { HistoryFrame, HistoryStart } from "../domain/history.js";
import type { AppendInput, MessageQuery, Messages, MessageUpdate } from "../domain/messages.js";
import type { Appended } from "../domain/storage.js";
import { fromInt64, fromOptionalInt64 } from "./convert.js";
import {
  fromProtoMessage,
  fromProtoOrder,
  fromProtoRole,
  toProtoMessage,
} from "./convert-message.js";
import { fromProtoState, toProtoState } from "./convert-state.js";
import type { Handlers } from "./service.js";

/** Implements MessageService. */
export function messageHandlers(messages: Messages): Handlers<typeof MessageService> {
  return {
    async appendMessages(request, { tenantId }) {
      return toProtoAppended(await messages.append(tenantId, fromAppendRequest(request)));
    },

    async *streamMessages(request, { tenantId, signal }) {
      const { sessionId, start, frameMaxMessages } = request;
      const history = { sessionId, start: toStart(start), frameMaxMessages };
      const frames = messages.stream(tenantId, history, signal);
      for await (const frame of frames) yield toProtoFrame(frame);
    },

    async getMessage({ sessionId, messageId }, { tenantId }) {
      const message = await messages.get(tenantId, sessionId, messageId);
      return { message: toProtoMessage(message) };
    },

    async listMessages(request, { tenantId }) {
      const { items, nextPageToken } = await messages.list(tenantId, fromListRequest(request));
      return { messages: items.map(toProtoMessage), nextPageToken };
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

function fromAppendRequest(request: AppendMessagesRequest): AppendInput {
  return {
    sessionId: request.sessionId,
    messages: request.messages.map(fromProtoMessage),
    agentStates: request.agentStates.map(fromProtoState),
    expectedHeadSequence: fromOptionalInt64(request.expectedHeadSequence),
  };
}

function toProtoAppended(
  appended: Appended,
): MessageInitShape<typeof AppendMessagesResponseSchema> {
  return {
    messages: appended.messages.map(toProtoMessage),
    agentStates: appended.agentStates.map(toProtoState),
    headSequence: BigInt(appended.headSequence),
    revision: BigInt(appended.revision),
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

function toProtoFrame(frame: HistoryFrame): MessageInitShape<typeof StreamMessagesResponseSchema> {
  const { resumeToken } = frame;
  if ("messages" in frame) {
    const batch = { messages: frame.messages.map(toProtoMessage) };
    return { resumeToken, frame: { case: "messages", value: batch } };
  }
  const { headSequence, revision } = frame.caughtUp;
  const caughtUp = { headSequence: BigInt(headSequence), revision: BigInt(revision) };
  return { resumeToken, frame: { case: "caughtUp", value: caughtUp } };
}
