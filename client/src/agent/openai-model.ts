import type { OpenAI } from "openai";
import { StateError } from "../errors.js";
import type { ChatModel, ModelChunk, ModelRequest } from "./chat-model.js";
import { OpenAIAnswer } from "./openai-answer.js";
import { toOpenAIError } from "./openai-errors.js";
import { toOpenAIMessages, toOpenAITool } from "./openai-messages.js";
import { SilenceTimer } from "./silence-timer.js";
import { untilAborted } from "./until-aborted.js";

const DEFAULT_TIMEOUT_MS = 600_000;

/** How to reach a model. */
export interface OpenAIModelOptions {
  readonly apiKey: string;
  /** OpenAI's own endpoint by default. */
  readonly baseUrl?: string | undefined;
  /** The model's name, such as `gpt-4o`. */
  readonly model: string;
  /** How long the next piece of an answer may take, in milliseconds; 10 minutes by default. */
  readonly timeoutMs?: number | undefined;
  /** How often a request is repeated that was refused before any answer; 2 by default. */
  readonly maxRetries?: number | undefined;
}

/**
 * A model behind an endpoint that speaks OpenAI's chat completions. It takes the package
 * `openai`, which is loaded when it is first needed.
 */
export class OpenAIModel implements ChatModel {
  /** The model's name. */
  readonly name: string;
  readonly #options: OpenAIModelOptions;
  #client: Promise<OpenAI> | undefined;

  constructor(options: OpenAIModelOptions) {
    this.name = options.model;
    this.#options = options;
  }

  /**
   * Loads the package, so that the first answer does not wait for it.
   *
   * @throws StateError `failed_precondition` if it is not installed.
   */
  async load(): Promise<void> {
    this.#client ??= createClient(this.#options);
    await this.#client;
  }

  /** Asks the model. */
  async *stream(request: ModelRequest): AsyncGenerator<ModelChunk, void> {
    const timeoutMs = this.#options.timeoutMs ?? DEFAULT_TIMEOUT_MS;
    const silence = new SilenceTimer(timeoutMs);
    const signal = AbortSignal.any([request.signal, silence.signal]);
    silence.start();
    try {
      const chunks = await untilAborted(this.#open(request, signal), signal);
      const answer = new OpenAIAnswer();
      for await (const chunk of chunks) {
        // The time that the taker of a piece needs is none of the model's.
        silence.stop();
        yield* answer.take(chunk);
        silence.start();
      }
      // The package ends an aborted answer as if it were whole.
      signal.throwIfAborted();
      yield* answer.end();
    } catch (cause) {
      if (request.signal.aborted) throw request.signal.reason;
      throw toOpenAIError(cause, silence.signal.aborted ? timeoutMs : undefined);
    } finally {
      silence.stop();
    }
  }

  async #open({ messages, tools }: ModelRequest, signal: AbortSignal) {
    await this.load();
    const client = await this.#client;
    if (client === undefined) throw new Error("the client was not created");
    return client.chat.completions.create(
      {
        model: this.#options.model,
        messages: toOpenAIMessages(messages),
        // An empty list is refused.
        ...(tools.length > 0 && { tools: tools.map(toOpenAITool) }),
        stream: true,
        stream_options: { include_usage: true },
      },
      { signal },
    );
  }
}

async function createClient(options: OpenAIModelOptions): Promise<OpenAI> {
  const { apiKey, baseUrl, maxRetries = 2, timeoutMs = DEFAULT_TIMEOUT_MS } = options;
  const { OpenAI } = await importPackage();
  return new OpenAI({ apiKey, baseURL: baseUrl, maxRetries, timeout: timeoutMs });
}

async function importPackage() {
  try {
    return await import("openai");
  } catch (cause) {
    const message = "OpenAIModel needs the package openai: run npm install openai";
    throw new StateError("failed_precondition", message, { reason: "PACKAGE_MISSING", cause });
  }
}
