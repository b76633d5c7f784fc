// What agents need that keep their conversations in MoFA State.

export type { CreateSessionOptions } from "./agent-session.js";
export type {
  ChatModel,
  ModelChunk,
  ModelCutShort,
  ModelMessage,
  ModelRequest,
  ModelTool,
  ModelToolCall,
  ModelUsage,
} from "./chat-model.js";
export type { ChatOptions, LLMAgent } from "./llm-agent.js";
export { LLMAgentBuilder } from "./llm-agent-builder.js";
export { ModelError } from "./model-error.js";
export { OpenAIModel, type OpenAIModelOptions } from "./openai-model.js";
export { PersistencePlugin } from "./persistence-plugin.js";
export type { Tool } from "./tool.js";
