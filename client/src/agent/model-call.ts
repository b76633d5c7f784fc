import type { ToolCallPart } from "../model/part.js";
import type { WrittenApiCall } from "../model/usage.js";
import { quiet } from "../quiet.js";
import { newId } from "../uuid.js";
import type { ChatModel, ModelChunk, ModelRequest, ModelUsage } from "./chat-model.js";
import { ModelError, toModelError } from "./model-error.js";
import { toRecordedUsage } from "./recorded-usage.js";
import { storable } from "./storable.js";
import { StorableText } from "./storable-text.js";
import { toToolCallPart } from "./tool-call-part.js";
import { untilAborted } from "./until-aborted.js";

const MAX_NAME_BYTES = 255;
const MAX_ERROR_BYTES = 8_192;

/** One call to a model, which is under way from the beginning, and what is to be recorded of it. */
export class ModelCall {
  /** The tools that the model wants to be run, once the texts have ended. */
  readonly toolCalls: ToolCallPart[] = [];
  readonly #name: string;
  readonly #abort = new AbortController();
  readonly #signal: AbortSignal;
  readonly #chunks: AsyncIterator<ModelChunk>;
  readonly #first: Promise<IteratorResult<ModelChunk>>;
  readonly #startedAt = performance.now();
  readonly #text = new StorableText();
  #firstAt: number | undefined;
  #endedAt: number | undefined;
  #usage: ModelUsage = {};
  #cutShort: string | undefined;
  #error: ModelError | undefined;

  constructor(model: ChatModel, request: Omit<ModelRequest, "signal">, signal: AbortSignal) {
    this.#name = storable(model.name ?? "", MAX_NAME_BYTES) || "custom";
    this.#signal = AbortSignal.any([signal, this.#abort.signal]);
    this.#chunks = start(model, { ...request, signal: this.#signal });
    this.#first = this.#read();
  }

  /** Why the model ended its answer early, once the texts have ended; undefined if it did not. */
  get cutShort(): string | undefined {
    return this.#cutShort;
  }

  /** Aborted when the answer is no longer wanted. */
  get signal(): AbortSignal {
    return this.#signal;
  }

  /** How many tokens the answer has, without what the model thought; undefined if unknown. */
  get tokenCount(): number | undefined {
    const { completionTokens, reasoningTokens = 0 } = toRecordedUsage(this.#usage);
    return completionTokens === undefined
      ? undefined
      : Math.max(0, completionTokens - reasoningTokens);
  }

  /**
   * Gives the answer's text as it comes, and as the store takes it.
   *
   * @throws ModelError if the answer is not whole.
   */
  async *texts(): AsyncGenerator<string, void> {
    try {
      let result = await this.#first;
      while (!result.done) {
        const text = this.#take(result.value);
        if (text !== "") yield text;
        result = await this.#read();
      }
      const rest = this.#text.end();
      if (rest !== "") yield rest;
    } catch (cause) {
      this.#leave();
      throw this.fail(toModelError(cause));
    }
  }

  /** Gives the answer up: it is not wanted. */
  cancel(error: ModelError): void {
    this.fail(error);
    this.#abort.abort(error);
    this.#leave();
  }

  /** Notes what the call failed with, and gives it. */
  fail(error: ModelError): ModelError {
    this.#endedAt ??= performance.now();
    this.#error = error;
    return error;
  }

  /** Gives what is to be recorded. */
  toApiCall(requestMessageId: string | undefined): WrittenApiCall {
    const cut = this.#cutShort && `the model has cut its answer short: ${this.#cutShort}`;
    const error = this.#error?.message ?? cut;
    return {
      id: newId(),
      requestMessageId,
      model: this.#name,
      status: this.#error?.status ?? "success",
      ...toRecordedUsage(this.#usage),
      latencyMs: this.#msUntil(this.#endedAt ?? performance.now()),
      timeToFirstTokenMs: this.#msUntil(this.#firstAt),
      error: error && storable(error, MAX_ERROR_BYTES),
    };
  }

  /** Ends the iteration. A model that ignores the signal is left to itself. */
  #leave(): void {
    const leave = async () => this.#chunks.return?.();
    void quiet(leave());
  }

  #take(chunk: ModelChunk): string {
    requireChunk(chunk);
    if (chunk.type === "text") return this.#text.take(chunk.text);
    if (chunk.type === "usage") this.#usage = { ...this.#usage, ...chunk };
    else if (chunk.type === "cut_short") this.#cutShort = chunk.reason;
    else this.toolCalls.push(toToolCallPart(chunk, this.toolCalls));
    return "";
  }

  #read(): Promise<IteratorResult<ModelChunk>> {
    return quiet(untilAborted(this.#next(), this.#signal));
  }

  /** Takes the times when things happen: the first piece may be read later. */
  async #next(): Promise<IteratorResult<ModelChunk>> {
    try {
      const result = await this.#chunks.next();
      if (result.done) this.#endedAt ??= performance.now();
      else if (isToken(result.value)) this.#firstAt ??= performance.now();
      return result;
    } catch (error) {
      this.#endedAt ??= performance.now();
      throw error;
    }
  }

  #msUntil(at: number | undefined): number | undefined {
    return at === undefined ? undefined : Math.round(at - this.#startedAt);
  }
}

/** Begins the iteration; a model that throws at once fails like one that throws later. */
function start(model: ChatModel, request: ModelRequest): AsyncIterator<ModelChunk> {
  try {
    return model.stream(request)[Symbol.asyncIterator]();
  } catch (error) {
    return { next: () => Promise.reject(error) };
  }
}

/** @throws ModelError if a model written without types gives something else. */
function requireChunk(chunk: ModelChunk): void {
  if (isChunk(chunk)) return;
  const given = JSON.stringify(chunk)?.slice(0, 200);
  const message = `the model's stream gave ${given}: give chunks of text, tool calls whose id, name and arguments are text, usage, or that it is cut short`;
  throw new ModelError("failed", message);
}

function isChunk(chunk: ModelChunk | null | undefined): boolean {
  switch (chunk?.type) {
    case "text":
      return typeof chunk.text === "string";
    case "tool_call":
      return [chunk.id, chunk.name, chunk.arguments].every((text) => typeof text === "string");
    case "cut_short":
      return typeof chunk.reason === "string";
    default:
      return chunk?.type === "usage";
  }
}

/** Whether a chunk brings something of the answer; what is no chunk is refused when it is read. */
function isToken(chunk: ModelChunk | null | undefined): boolean {
  return chunk?.type === "tool_call" || (chunk?.type === "text" && chunk.text !== "");
}
