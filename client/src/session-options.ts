import type { CallOptions } from "./call-options.js";
import type { NewAgentState } from "./model/agent-state.js";
import type { Role } from "./model/message.js";
import type { AppendedApiCall } from "./model/usage.js";

/** How to append. */
export interface AppendOptions extends CallOptions {
  /** The head that the session must have; 0 if nothing was ever appended. Absent is any. */
  readonly expectedHeadSequence?: number | undefined;
  /** States to store in the same transaction, at most 100. */
  readonly agentStates?: readonly NewAgentState[] | undefined;
  /** Calls to models to record in the same transaction, at most 100. */
  readonly apiCalls?: readonly AppendedApiCall[] | undefined;
}

/** How to list messages. */
export interface ListMessagesOptions extends CallOptions {
  /** How many messages to fetch at a time: 50 by default, 1,000 at most. */
  readonly pageSize?: number | undefined;
  /** `ascending`, the oldest first, by default. */
  readonly order?: "ascending" | "descending" | undefined;
  /** Only messages with one of these roles; all by default. */
  readonly roles?: readonly Role[] | undefined;
}

/** How to change something that has a version. */
export interface UpdateOptions extends CallOptions {
  /**
   * The version that it must have now. Absent is any; then the call is not repeated after
   * `unavailable`, since that could undo what somebody else changed meanwhile.
   */
  readonly expectedVersion?: number | undefined;
}
