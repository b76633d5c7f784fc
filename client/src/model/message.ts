import type { AgentState } from "./agent-state.js";
import type { JsonObject } from "./json.js";
import type { Part } from "./part.js";

/** Who speaks in a message. */
export type Role = "system" | "user" | "assistant" | "tool";

/** Whether a message is whole. */
export type MessageStatus = "complete" | "streaming" | "interrupted";

/** A message in a form of the caller's own, given back byte for byte. */
export interface RawContent {
  readonly data: Uint8Array;
  readonly mediaType: string;
}

/** One message of a conversation. */
export interface Message {
  /** A UUID in lower case, unique within the session. */
  readonly id: string;
  readonly sessionId: string;
  /** Its place in the session: 1, 2, 3 … in the order of the commits, never reused. */
  readonly sequence: number;
  readonly role: Role;
  /** The text; empty by default. */
  readonly content: string;
  /** What the text cannot hold, in order. */
  readonly parts: readonly Part[];
  readonly metadata: JsonObject;
  readonly raw: RawContent | undefined;
  /** Whether the message is to be kept when a context window is cut. */
  readonly pinned: boolean;
  readonly status: MessageStatus;
  /** Undefined if unknown. */
  readonly tokenCount: number | undefined;
  /** Never earlier than that of the message before. */
  readonly createdAt: Date;
  readonly updatedAt: Date;
  /** Raised by one with every edit. */
  readonly version: number;
  /** The session's revision that last changed the message. */
  readonly revision: number;
}

/** A message to append. What is absent is empty. */
export interface NewMessage {
  /** A UUID, unique within the session; one is chosen if it is absent. */
  readonly id?: string | undefined;
  readonly role: Role;
  readonly content?: string | undefined;
  readonly parts?: readonly Part[] | undefined;
  readonly metadata?: JsonObject | undefined;
  readonly raw?: RawContent | undefined;
  readonly pinned?: boolean | undefined;
  readonly tokenCount?: number | undefined;
}

/** A change of a message. What is absent or undefined stays. */
export interface MessageChange {
  readonly content?: string | undefined;
  readonly parts?: readonly Part[] | undefined;
  readonly metadata?: JsonObject | undefined;
  readonly raw?: RawContent | undefined;
  readonly pinned?: boolean | undefined;
  readonly tokenCount?: number | undefined;
  /** Which of these the message is no longer to have. None that is also given a value. */
  readonly clear?: readonly ("raw" | "tokenCount")[] | undefined;
}

/** What an append stored. */
export interface Appended {
  /** The messages, in the order given. */
  readonly messages: readonly Message[];
  /** The states, in the order given. */
  readonly agentStates: readonly AgentState[];
  /** The session's head after the append. */
  readonly headSequence: number;
  /** The session's revision after the append. */
  readonly revision: number;
}

/** One page of messages. */
export interface MessagePage {
  readonly messages: readonly Message[];
  /** Undefined on the last page. */
  readonly nextPageToken: string | undefined;
}

/** One frame of a stream of messages. */
export interface MessageFrame {
  /** The next messages; none in the frame that says `caughtUp`. */
  readonly messages: readonly Message[];
  /** Resumes a stream after this frame, also after a restart of the server. */
  readonly resumeToken: string;
  /** Present on the last frame: what was there when the stream began has been given. */
  readonly caughtUp: { readonly headSequence: number; readonly revision: number } | undefined;
}
