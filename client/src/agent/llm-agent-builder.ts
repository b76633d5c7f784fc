import { invalidArgument } from "../errors.js";
import type { AgentSessions } from "./agent-session.js";
import type { ChatModel } from "./chat-model.js";
import { LLMAgent } from "./llm-agent.js";
import { MemorySessions } from "./memory-sessions.js";
import { OpenAIModel } from "./openai-model.js";
import type { PersistencePlugin } from "./persistence-plugin.js";
import { StoredSessions } from "./stored-sessions.js";
import type { Tool } from "./tool.js";

const DEFAULT_MODEL = "gpt-4o";

/**
 * Builds an agent.
 *
 * @example
 * const agent = await LLMAgentBuilder.fromEnv()
 *   .withPersistencePlugin(plugin)
 *   .withSystemPrompt("You are brief.")
 *   .withSlidingWindow(20)
 *   .build();
 */
export class LLMAgentBuilder {
  #model: ChatModel | undefined;
  #plugin: PersistencePlugin | undefined;
  #sessionId: string | undefined;
  #systemPrompt: string | undefined;
  #maxTurns: number | undefined;
  #maxTokens: number | undefined;
  #tools: readonly Tool[] = [];

  /**
   * Begins with the model that the environment names, behind any endpoint that speaks
   * OpenAI's chat completions: OPENAI_API_KEY, OPENAI_BASE_URL (OpenAI's own by default)
   * and OPENAI_MODEL (gpt-4o by default).
   *
   * @throws StateError `invalid_argument` if there is no key.
   */
  static fromEnv(env: Readonly<Record<string, string | undefined>> = process.env): LLMAgentBuilder {
    const { OPENAI_API_KEY, OPENAI_BASE_URL, OPENAI_MODEL } = env;
    if (!OPENAI_API_KEY) {
      const what = "is not set: set it to the endpoint's key, or to any text if it needs none";
      throw invalidArgument("OPENAI_API_KEY", what);
    }
    const model = new OpenAIModel({
      apiKey: OPENAI_API_KEY,
      baseUrl: OPENAI_BASE_URL || undefined,
      model: OPENAI_MODEL || DEFAULT_MODEL,
    });
    return new LLMAgentBuilder().withModel(model);
  }

  /**
   * Sets the model that answers.
   *
   * @throws StateError `invalid_argument` if it has no method `stream`, or a name that is no text.
   */
  withModel(model: ChatModel): this {
    // Also of models that are written without types.
    if (typeof model?.stream !== "function") {
      throw invalidArgument("model", "must have a method stream: give an OpenAIModel, or your own");
    }
    if (!["string", "undefined"].includes(typeof model.name)) {
      throw invalidArgument("model.name", `must be a text, or absent, not ${typeof model.name}`);
    }
    this.#model = model;
    return this;
  }

  /** Keeps the sessions in a store. Without it they live as long as the agent. */
  withPersistencePlugin(plugin: PersistencePlugin): this {
    this.#plugin = plugin;
    return this;
  }

  /** Begins with this session, a UUID or a key, instead of the plugin's. It is created if there is none. */
  withSessionId(sessionId: string): this {
    if (sessionId === "") throw invalidArgument("sessionId", "must not be empty");
    this.#sessionId = sessionId;
    return this;
  }

  /** Sets what the model is told first, each time. It is not stored. */
  withSystemPrompt(text: string): this {
    this.#systemPrompt = text;
    return this;
  }

  /**
   * Sends the model the newest turns only: a turn is a question with all that answers it.
   *
   * Without it, and without a token budget, the model is sent the whole history. Of a store, it is
   * sent 8 MiB at most: a session that has more needs one of them.
   */
  withSlidingWindow(turns: number): this {
    this.#maxTurns = toLimit(turns, "turns");
    return this;
  }

  /**
   * Sends the model the newest turns that have so many tokens together. The system prompt and
   * the tools come on top. Without a plugin, the newest turn is sent however large it is.
   */
  withTokenBudget(tokens: number): this {
    this.#maxTokens = toLimit(tokens, "tokens");
    return this;
  }

  /** Sets the tools that the model may call. */
  withTools(tools: readonly Tool[]): this {
    const names = tools.map(({ name }) => name);
    const twice = names.find((name, index) => names.indexOf(name) !== index);
    if (twice !== undefined) throw invalidArgument("tools", `two of them are named ${twice}`);
    this.#tools = [...tools];
    return this;
  }

  /**
   * Builds the agent, with its session opened.
   *
   * @throws StateError `invalid_argument` if there is no model.
   * @throws StateError `permission_denied` OTHER_USER if the session is another user's.
   * @throws StateError if the session cannot be opened: it never begins another one instead.
   */
  async build(): Promise<LLMAgent> {
    const model = this.#model;
    if (model === undefined) {
      throw invalidArgument("model", "is not set: use fromEnv() or withModel(model)");
    }
    if (model instanceof OpenAIModel) await model.load();
    const sessions = this.#sessions();
    const active = await sessions.open(this.#sessionId);
    return new LLMAgent(sessions, active, {
      model,
      systemPrompt: this.#systemPrompt,
      tools: this.#tools,
    });
  }

  #sessions(): AgentSessions {
    const window = { maxTurns: this.#maxTurns, maxTokens: this.#maxTokens };
    return this.#plugin ? new StoredSessions(this.#plugin, window) : new MemorySessions(window);
  }
}

function toLimit(value: number, name: string): number {
  if (Number.isSafeInteger(value) && value >= 1) return value;
  throw invalidArgument(name, `must be a whole number of 1 or more, not ${value}`);
}
