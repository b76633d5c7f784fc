import type { JsonValue } from "./json.js";

/** One version of the state under a key of a session. */
export interface AgentState {
  /** A UUID in lower case, unique within the session. */
  readonly id: string;
  readonly sessionId: string;
  readonly key: string;
  /** 1, 2, 3 … for each key, never reused. */
  readonly version: number;
  /** The state: bytes if it was put as bytes, otherwise a JSON value. */
  readonly state: JsonValue | Uint8Array;
  /** The media type of bytes; undefined for JSON. */
  readonly mediaType: string | undefined;
  readonly createdAt: Date;
  /** The session's revision that this put made. */
  readonly revision: number;
}

/** A state to store as a part of an append. */
export interface NewAgentState {
  /** A UUID, unique within the session; one is chosen if it is absent. */
  readonly id?: string | undefined;
  /** Empty by default. */
  readonly key?: string | undefined;
  readonly state: JsonValue | Uint8Array;
  /** The media type of bytes: `application/octet-stream` by default. Not for JSON. */
  readonly mediaType?: string | undefined;
  /** The version that the key must have now; 0 for none. Absent is any. */
  readonly expectedVersion?: number | undefined;
}

/** One page of states. */
export interface AgentStatePage {
  readonly agentStates: readonly AgentState[];
  /** Undefined on the last page. */
  readonly nextPageToken: string | undefined;
}
