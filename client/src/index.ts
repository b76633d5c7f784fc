// What users of MoFA State need.

export type {
  AgentStates,
  DeleteStateOptions,
  GetOptions,
  ListStatesOptions,
  PutOptions,
} from "./agent-states.js";
export type { AppendPipeline, PipelineOptions } from "./append-pipeline.js";
export type { CallOptions } from "./call-options.js";
export { type ConnectOptions, connect } from "./connect.js";
export type { ContextOptions } from "./context.js";
export { Conversation } from "./conversation.js";
export { type ErrorCode, StateError, type StateErrorOptions, type Violation } from "./errors.js";
export type { FollowOptions } from "./follow.js";
export type { StartOptions, StreamOptions } from "./message-frames.js";
export type { MessageWriter, WriteOptions } from "./message-writer.js";
export type { AgentState, AgentStatePage, NewAgentState } from "./model/agent-state.js";
export type { Context, ContextMessage } from "./model/context.js";
export type { FollowPosition, SessionEvent, StateVersion } from "./model/follow.js";
export type { JsonObject, JsonValue } from "./model/json.js";
export type {
  Appended,
  Message,
  MessageChange,
  MessageFrame,
  MessagePage,
  MessageStatus,
  NewMessage,
  RawContent,
  Role,
} from "./model/message.js";
export type {
  DataPart,
  FilePart,
  Part,
  ReasoningPart,
  ToolCallPart,
  ToolResultPart,
} from "./model/part.js";
export type { ServerStatus } from "./model/server-status.js";
export type {
  NewFork,
  NewSession,
  SessionChange,
  SessionFilter,
  SessionInfo,
  SessionPage,
} from "./model/session.js";
export type {
  ApiCall,
  ApiCallFilter,
  ApiCallListing,
  ApiCallPage,
  ApiCallStatus,
  AppendedApiCall,
  CallCounts,
  Money,
  NewApiCall,
  UsageGroup,
  UsageGrouping,
  UsageListing,
  UsagePage,
  WrittenApiCall,
} from "./model/usage.js";
export type { MessageEnding, MessageHeader, WritingStart } from "./model/writing.js";
export type { Session } from "./session.js";
export type { AppendOptions, ListMessagesOptions, UpdateOptions } from "./session-options.js";
export type { Sessions } from "./sessions.js";
export { stableId } from "./stable-id.js";
export type { State } from "./state.js";
export type { ConnectionOptions, TlsOptions } from "./transport/channel.js";
export type { RetryOptions } from "./transport/retry-policy.js";
export type { TransportSettings } from "./transport/transport.js";
export type { Usage } from "./usage.js";

// What is near the wire: the generated services, for `State.lowLevel`.

export { AdminService } from "@mofa-state/proto/mofa/state/v1/admin_pb.js";
export { AgentStateService } from "@mofa-state/proto/mofa/state/v1/agent_state_pb.js";
export { MessageService } from "@mofa-state/proto/mofa/state/v1/message_pb.js";
export { SessionService } from "@mofa-state/proto/mofa/state/v1/session_pb.js";
export { UsageService } from "@mofa-state/proto/mofa/state/v1/usage_pb.js";
export type { LowLevelClient } from "./low-level.js";
