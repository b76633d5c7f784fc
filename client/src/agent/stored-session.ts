import type { Context, ContextMessage } from "../model/context.js";
import type { SessionEvent } from "../model/follow.js";
import type { Message, NewMessage } from "../model/message.js";
import type { WrittenApiCall } from "../model/usage.js";
import type { MessageEnding } from "../model/writing.js";
import { quiet } from "../quiet.js";
import type { Session } from "../session.js";
import type { Usage } from "../usage.js";
import type { AgentSession, ContextWindow, ReplyWriter } from "./agent-session.js";
import { appendResults } from "./append-results.js";
import type { ModelMessage } from "./chat-model.js";
import { contextTooLarge, isTooLarge, questionTooLarge } from "./refusals.js";
import { StoredReply } from "./stored-reply.js";
import type { ToolMessage } from "./tool-message.js";
import { hasRoom, withQuestion } from "./with-question.js";

/** A context, and the revision of the session that it was read at, or after. */
interface Held {
  readonly context: Context;
  readonly revision: number;
}

/** A session of the server. It holds the context of the next turn, to ask a model at once. */
export class StoredSession implements AgentSession {
  readonly id: string;
  readonly #session: Session;
  readonly #usage: Usage;
  readonly #window: ContextWindow;
  /** The revision of the newest change that this object made; undefined before its first one. */
  #revision: number | undefined;
  #held: Promise<Held> | undefined;

  constructor(session: Session, usage: Usage, window: ContextWindow) {
    this.id = session.id;
    this.#session = session;
    this.#usage = usage;
    this.#window = window;
  }

  async prepare(): Promise<void> {
    try {
      await this.#hold();
    } catch (error) {
      // A question changes what must be in a context.
      if (!isTooLarge(error)) throw error;
    }
  }

  async contextWith(question: ModelMessage): Promise<readonly ModelMessage[] | undefined> {
    let context = await this.#heldContext();
    if (!hasRoom(context, question, this.#window)) {
      // Somebody may have made room since it was read.
      this.#held = undefined;
      context = await this.#heldContext();
    }
    if (!hasRoom(context, question, this.#window)) throw questionTooLarge();
    return context && withQuestion(context, question, this.#window);
  }

  async context(): Promise<readonly ContextMessage[]> {
    this.#held = undefined;
    const { context } = await this.#hold();
    return context.messages;
  }

  async append(messages: readonly NewMessage[]): Promise<boolean> {
    const held = this.#held;
    this.#held = undefined;
    const { revision } = await this.#session.append(messages);
    this.#revision = revision;
    const before = await held?.catch(() => undefined);
    return before !== undefined && before.revision + 1 === revision;
  }

  appendResults(results: readonly ToolMessage[], room: number): Promise<void> {
    return appendResults(results, room, (messages) => this.append(messages));
  }

  async settled(signal: AbortSignal): Promise<Message | undefined> {
    const [newest] = await this.history(1);
    if (newest?.status !== "streaming") return newest;
    for await (const event of this.#session.follow({ after: newest.sequence - 1, signal })) {
      if (!isBeingWritten(event, newest.id)) break;
    }
    const [settled] = await this.history(1);
    return settled;
  }

  reply(onFailure: (error: unknown) => void): ReplyWriter {
    this.#held = undefined;
    const reply = new StoredReply(this.#session, onFailure);
    return {
      write: (text) => reply.write(text),
      finish: async (ending: MessageEnding) => {
        this.#revision = (await reply.finish(ending)).revision;
      },
    };
  }

  async record(apiCall: WrittenApiCall): Promise<void> {
    await this.#usage.record({ ...apiCall, sessionId: this.id });
  }

  async history(last: number | undefined): Promise<readonly Message[]> {
    const messages: Message[] = [];
    for await (const message of this.#session.messages({ last })) messages.push(message);
    return messages;
  }

  async clear(): Promise<void> {
    this.#held = undefined;
    this.#revision = undefined;
    await this.#session.clear();
  }

  /** Gives the context; undefined if what must be in it does not fit, which a question may change. */
  async #heldContext(): Promise<Context | undefined> {
    const { maxTurns, maxTokens } = this.#window;
    try {
      return (await this.#hold()).context;
    } catch (error) {
      const isLimited = maxTurns !== undefined || maxTokens !== undefined;
      if (isLimited && isTooLarge(error)) return undefined;
      throw error;
    }
  }

  async #hold(): Promise<Held> {
    try {
      this.#held ??= quiet(this.#read());
      return await this.#held;
    } catch (error) {
      this.#held = undefined;
      throw error;
    }
  }

  async #read(): Promise<Held> {
    // Before the context: what changes in between makes it look older than it is, never newer.
    const revision = this.#revision ?? (await this.#session.refresh()).revision;
    return { context: await this.#readContext(), revision };
  }

  async #readContext(): Promise<Context> {
    try {
      return await this.#session.context({ ...this.#window, answerInterruptedCalls: true });
    } catch (error) {
      throw isTooLarge(error) ? contextTooLarge(error) : error;
    }
  }
}

/** Whether a message may still be being written after an event. */
function isBeingWritten(event: SessionEvent, id: string): boolean {
  switch (event.type) {
    case "message":
    case "message_updated":
      return event.message.id !== id || event.message.status === "streaming";
    case "message_deleted":
      return event.messageId !== id;
    default:
      return event.type !== "messages_cleared";
  }
}
