import type { JsonValue } from "./json.js";

/** A model's request to run a tool. */
export interface ToolCallPart {
  readonly type: "tool_call";
  /** The call's id, chosen by the model. */
  readonly id: string;
  /** The tool's name. */
  readonly name: string;
  /** Undefined for none. */
  readonly arguments?: JsonValue | undefined;
}

/** The answer of a tool. */
export interface ToolResultPart {
  readonly type: "tool_result";
  /** The id of the call that it answers. */
  readonly callId: string;
  readonly text: string;
  /** Whether the tool failed; false by default. */
  readonly isError?: boolean | undefined;
}

/** What a model thought before it answered. */
export interface ReasoningPart {
  readonly type: "reasoning";
  readonly text: string;
  /** What the model's provider needs to accept the thought again; opaque. */
  readonly signature?: string | undefined;
}

/** A file: exactly one of `uri` and `data`. */
export interface FilePart {
  readonly type: "file";
  readonly uri?: string | undefined;
  readonly data?: Uint8Array | undefined;
  /** For example `image/png`; empty by default. */
  readonly mediaType?: string | undefined;
  /** Empty by default. */
  readonly name?: string | undefined;
}

/** Any JSON value, for what the other parts do not cover. */
export interface DataPart {
  readonly type: "data";
  readonly data: JsonValue;
}

/**
 * What the text of a message cannot hold.
 *
 * In a message that was read, an optional property is present with its value, or
 * absent where the server holds none.
 */
export type Part = ToolCallPart | ToolResultPart | ReasoningPart | FilePart | DataPart;
