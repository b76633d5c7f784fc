import type { OpenAI } from "openai";
import type { ModelChunk, ModelToolCall } from "./chat-model.js";
import { ModelError } from "./model-error.js";
import { refuseError } from "./openai-errors.js";

type Chunk = OpenAI.ChatCompletionChunk;
type Delta = Chunk["choices"][number]["delta"];
type CallDelta = NonNullable<Delta["tool_calls"]>[number];

/** The reasons that tell of a cut. Of the others, endpoints have many for a whole answer. */
const CUT_SHORT: readonly string[] = ["length", "content_filter"];

/** Puts an answer together that comes in OpenAI's chunks. */
export class OpenAIAnswer {
  readonly #calls: (ModelToolCall & { readonly index: number })[] = [];
  #isWhole = false;

  /**
   * Gives what a chunk brings.
   *
   * @throws ModelError if it is an error that the package takes for a chunk.
   */
  *take(chunk: Chunk): Generator<ModelChunk, void> {
    const { choices, usage } = chunk;
    // The chunk with the usage has no choices; some endpoints leave the list out.
    if (!choices && !usage) refuseError(chunk);
    const [choice] = choices ?? [];
    const text = choice?.delta?.content || choice?.delta?.refusal;
    if (text) yield { type: "text", text };
    for (const call of choice?.delta?.tool_calls ?? []) this.#addCall(call);
    const reason = choice?.finish_reason;
    if (reason) this.#isWhole = true;
    if (reason && CUT_SHORT.includes(reason)) yield { type: "cut_short", reason };
    if (usage) yield toUsage(usage);
  }

  /**
   * Gives the tool calls, which are whole only now.
   *
   * @throws ModelError if the answer broke off.
   */
  *end(): Generator<ModelChunk, void> {
    if (!this.#isWhole) throw new ModelError("failed", "the model's answer broke off");
    for (const { id, name, arguments: text } of this.#calls) {
      yield { type: "tool_call", id, name, arguments: text };
    }
  }

  #addCall({ index = 0, ...delta }: CallDelta): void {
    // Some endpoints send null for what a later piece does not have.
    const id = delta.id ?? "";
    const at = this.#calls.findLastIndex((call) => call.index === index);
    const call = this.#calls[at];
    const name = delta.function?.name ?? "";
    const text = delta.function?.arguments ?? "";
    // Some endpoints give every call the same index.
    if (call === undefined || (id !== "" && call.id !== "" && id !== call.id)) {
      this.#calls.push({ type: "tool_call", index, id, name, arguments: text });
      return;
    }
    this.#calls[at] = {
      ...call,
      id: call.id || id,
      name: call.name || name,
      arguments: call.arguments + text,
    };
  }
}

function toUsage(usage: OpenAI.CompletionUsage): ModelChunk {
  return {
    type: "usage",
    promptTokens: usage.prompt_tokens,
    completionTokens: usage.completion_tokens,
    cachedTokens: usage.prompt_tokens_details?.cached_tokens,
    reasoningTokens: usage.completion_tokens_details?.reasoning_tokens,
  };
}
