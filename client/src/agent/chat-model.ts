import type { JsonObject } from "../model/json.js";
import type { Message } from "../model/message.js";
import type { Money } from "../model/usage.js";

/** A message as a model is sent it. */
export type ModelMessage = Pick<Message, "role" | "content" | "parts">;

/** What a model is told of a tool. */
export interface ModelTool {
  /** What the model calls it by, unique among the tools. */
  readonly name: string;
  /** What it does, for the model. */
  readonly description: string;
  /** A JSON schema of its arguments, which are an object. */
  readonly parameters: JsonObject;
}

/** What a model is asked. */
export interface ModelRequest {
  /** In their order; each tool call has a result. */
  readonly messages: readonly ModelMessage[];
  readonly tools: readonly ModelTool[];
  /** Aborted when the answer is no longer wanted. */
  readonly signal: AbortSignal;
}

/** What an answer took. Counts that are undefined are unknown. */
export interface ModelUsage {
  /** How many tokens the model read, cached ones included. */
  readonly promptTokens?: number | undefined;
  /** How many tokens the model wrote, its reasoning included. */
  readonly completionTokens?: number | undefined;
  /** How many of the prompt's tokens came from a cache. */
  readonly cachedTokens?: number | undefined;
  /** How many of the completion's tokens were reasoning. */
  readonly reasoningTokens?: number | undefined;
  /** What it cost. */
  readonly price?: Money | undefined;
}

/** A model's request to run a tool, whole. */
export interface ModelToolCall {
  readonly type: "tool_call";
  /** The call's id, which the result is given back with. */
  readonly id: string;
  readonly name: string;
  /** A JSON object, as text. */
  readonly arguments: string;
}

/** What a model gives where it has ended its answer early, which is to be kept as it is. */
export interface ModelCutShort {
  readonly type: "cut_short";
  /** Why: `length` where it had no tokens left, `content_filter`, or a word of the model's own. */
  readonly reason: string;
}

/** A piece of a model's answer. */
export type ModelChunk =
  | {
      readonly type: "text";
      readonly text: string;
    }
  | ModelToolCall
  | ModelCutShort
  | (ModelUsage & { readonly type: "usage" });

/**
 * A model that an agent can talk with. {@link OpenAIModel} is one; anything else takes one
 * method.
 *
 * @example
 * const echo: ChatModel = {
 *   async *stream({ messages }) {
 *     yield { type: "text", text: messages.at(-1)?.content ?? "" };
 *   },
 * };
 */
export interface ChatModel {
  /** What its calls are recorded under: 1–255 bytes; `custom` by default. */
  readonly name?: string | undefined;

  /**
   * Answers, piece by piece. An iteration that ends has given the whole answer.
   *
   * A {@link ModelError} says how the call failed; any other error is `failed`.
   */
  stream(request: ModelRequest): AsyncIterable<ModelChunk>;
}
