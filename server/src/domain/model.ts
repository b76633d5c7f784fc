/** A JSON value. */
export type JsonValue = string | number | boolean | null | readonly JsonValue[] | JsonObject;

/** A JSON object. */
export interface JsonObject {
  readonly [key: string]: JsonValue;
}

/** Who speaks in a message. */
export type Role = "system" | "user" | "assistant" | "tool";

/** Whether a message is whole. */
export type MessageStatus = "complete" | "streaming" | "interrupted";

/** A conversation: its messages, in one order, and the agent's state beside them. */
export interface Session {
  /** A UUID in lower case, unique in the whole server. */
  readonly id: string;
  /** A name, unique within the tenant, compared byte for byte. */
  readonly key: string | undefined;
  readonly userId: string | undefined;
  readonly agentId: string | undefined;
  readonly title: string;
  readonly metadata: JsonObject;
  readonly createdAt: Date;
  /** When anything in the session last changed; never runs backwards. */
  readonly updatedAt: Date;
  /** The sequence of the newest message ever appended; 0 before the first. */
  readonly headSequence: number;
  readonly messageCount: number;
  /** Raised by one with every committed change of anything in the session. */
  readonly revision: number;
  /** Raised by one with every change of title or metadata. */
  readonly version: number;
  /** The session that it was forked from; undefined for one that is no fork. */
  readonly forkSessionId: string | undefined;
  /** The last sequence that it has from there; 0 for one that is no fork. */
  readonly forkSequence: number;
}

/** A model's request to run a tool. */
export interface ToolCall {
  readonly type: "tool_call";
  readonly id: string;
  readonly name: string;
  /** JSON text, as the client sent it; empty for none. */
  readonly argumentsJson: string;
}

/** The answer of a tool. */
export interface ToolResult {
  readonly type: "tool_result";
  readonly callId: string;
  readonly text: string;
  readonly isError: boolean;
}

/** What a model thought before it answered. */
export interface Reasoning {
  readonly type: "reasoning";
  readonly text: string;
  readonly signature: string;
}

/** A file: `uri` or `data`. */
export interface File {
  readonly type: "file";
  readonly uri: string | undefined;
  readonly data: Uint8Array | undefined;
  readonly mediaType: string;
  readonly name: string;
}

/** Any JSON value, as the text that the client sent. */
export interface JsonData {
  readonly type: "data";
  readonly json: string;
}

/** What the text of a message cannot hold. */
export type Part = ToolCall | ToolResult | Reasoning | File | JsonData;

/** A message in a form of the caller's own. */
export interface RawContent {
  readonly data: Uint8Array;
  readonly mediaType: string;
}

/** What a client sets of a message, and may edit later; the role alone is fixed. */
export interface MessageContent {
  readonly content: string;
  readonly parts: readonly Part[];
  readonly metadata: JsonObject;
  readonly raw: RawContent | undefined;
  readonly pinned: boolean;
  readonly tokenCount: number | undefined;
}

/** How much of a message there is. */
export interface Extent {
  /** In UTF-8 bytes of the content. */
  readonly offset: number;
  readonly partCount: number;
}

/** One message of a conversation. */
export interface Message extends MessageContent {
  /** A UUID in lower case, unique within the session. */
  readonly id: string;
  readonly sessionId: string;
  /** Its place in the session: 1, 2, 3 … in commit order, never reused. */
  readonly sequence: number;
  readonly role: Role;
  readonly status: MessageStatus;
  readonly createdAt: Date;
  readonly updatedAt: Date;
  /** Raised by one with every edit. */
  readonly version: number;
  /** The session's revision that last changed the message. */
  readonly revision: number;
  /** About how many bytes the message has: what pages and frames are measured by. */
  readonly bytes: number;
}

/** The payload of a state: JSON text as the client sent it, or bytes. */
export type StatePayload =
  | { readonly json: string; readonly data?: never; readonly mediaType: "" }
  | { readonly json?: never; readonly data: Uint8Array; readonly mediaType: string };

/** One version of the state under a key of a session. */
export interface AgentState {
  /** A UUID in lower case, unique within the session. */
  readonly id: string;
  readonly sessionId: string;
  readonly key: string;
  /** 1, 2, 3 … for each key, never reused. */
  readonly version: number;
  readonly payload: StatePayload;
  readonly createdAt: Date;
  /** The session's revision that this put made. */
  readonly revision: number;
  /** About how many bytes the state has: what pages are measured by. */
  readonly bytes: number;
}
