import type { ContextMessage } from "../model/context.js";
import type { Message, NewMessage } from "../model/message.js";
import type { SessionInfo } from "../model/session.js";
import { newId } from "../uuid.js";
import type { AgentSession, ContextWindow, ReplyWriter } from "./agent-session.js";
import { answerCalls } from "./answer-calls.js";
import type { ModelMessage } from "./chat-model.js";
import { cutTurns } from "./cut-turns.js";
import type { ToolMessage } from "./tool-message.js";

/** A session in this process's memory, for an agent without a plugin. */
export class MemorySession implements AgentSession {
  readonly id: string;
  readonly #window: ContextWindow;
  #info: SessionInfo;
  #messages: Message[] = [];

  constructor(info: SessionInfo, window: ContextWindow) {
    this.id = info.id;
    this.#info = info;
    this.#window = window;
  }

  get info(): SessionInfo {
    return { ...this.#info, messageCount: this.#messages.length };
  }

  async prepare(): Promise<void> {
    // Everything is here.
  }

  async contextWith(question: ModelMessage): Promise<readonly ModelMessage[]> {
    return cutTurns([...this.#sendable(), { ...question, tokenCount: undefined }], this.#window);
  }

  async context(): Promise<readonly ContextMessage[]> {
    return cutTurns(this.#sendable(), this.#window);
  }

  async settled(): Promise<Message | undefined> {
    // A reply is added when it has ended.
    return this.#messages.at(-1);
  }

  async append(messages: readonly NewMessage[]): Promise<boolean> {
    for (const message of messages) this.#add(message);
    return true;
  }

  async appendResults(results: readonly ToolMessage[]): Promise<void> {
    await this.append(results);
  }

  reply(): ReplyWriter {
    let content = "";
    return {
      write(text) {
        content += text;
      },
      finish: async ({ parts, status = "complete", tokenCount }) =>
        this.#add({ role: "assistant", content, parts, tokenCount }, status),
    };
  }

  async record(): Promise<void> {
    // Calls are counted where there is a store.
  }

  async history(last = Infinity): Promise<readonly Message[]> {
    return last === 0 ? [] : this.#messages.slice(-last);
  }

  async clear(): Promise<void> {
    this.#messages = [];
    this.#change();
  }

  #sendable(): readonly Message[] {
    return answerCalls(this.#messages.filter(hasContent));
  }

  #add(message: NewMessage, status: Message["status"] = "complete"): void {
    const { updatedAt, revision } = this.#change();
    const headSequence = this.#info.headSequence + 1;
    this.#info = { ...this.#info, headSequence };
    this.#messages.push({
      id: message.id ?? newId(),
      sessionId: this.id,
      sequence: headSequence,
      role: message.role,
      content: message.content ?? "",
      parts: message.parts ?? [],
      metadata: message.metadata ?? {},
      raw: message.raw,
      pinned: message.pinned ?? false,
      status,
      tokenCount: message.tokenCount,
      createdAt: updatedAt,
      updatedAt,
      version: 1,
      revision,
    });
  }

  #change(): SessionInfo {
    const revision = this.#info.revision + 1;
    this.#info = { ...this.#info, updatedAt: new Date(), revision };
    return this.#info;
  }
}

function hasContent({ status, content, parts }: Message): boolean {
  return status === "complete" || content !== "" || parts.length > 0;
}
