import type { ContextMessage } from "../model/context.js";
import type { JsonObject } from "../model/json.js";
import type { Message, NewMessage } from "../model/message.js";
import type { SessionInfo } from "../model/session.js";
import type { WrittenApiCall } from "../model/usage.js";
import type { MessageEnding } from "../model/writing.js";
import type { ModelMessage } from "./chat-model.js";
import type { ToolMessage } from "./tool-message.js";

/** How much of a session a model is sent. */
export interface ContextWindow {
  readonly maxTurns: number | undefined;
  readonly maxTokens: number | undefined;
}

/** A reply that is being written. */
export interface ReplyWriter {
  /** Adds text. What goes wrong is thrown by `finish`. */
  write(text: string): void;
  /**
   * Ends the reply; when it returns, all of it is stored. A reply whose ending was refused
   * can still be interrupted.
   */
  finish(ending: MessageEnding): Promise<void>;
}

/** What an agent does with one session, wherever that is kept. */
export interface AgentSession {
  readonly id: string;
  /** Reads what `contextWith` is to be told from, if that can be read. */
  prepare(): Promise<void>;
  /**
   * Gives what a model is to be sent once a question is appended; undefined if that cannot
   * be told before.
   *
   * @throws StateError `resource_exhausted` CONTEXT_TOO_LARGE if the question cannot fit.
   */
  contextWith(question: ModelMessage): Promise<readonly ModelMessage[] | undefined>;
  /**
   * Reads what a model is to be sent.
   *
   * @throws StateError `resource_exhausted` CONTEXT_TOO_LARGE if what must be in it does not fit.
   */
  context(): Promise<readonly ContextMessage[]>;
  /**
   * Appends messages. It tells whether nobody else has changed the session since what
   * `contextWith` was told from was read.
   */
  append(messages: readonly NewMessage[]): Promise<boolean>;
  /**
   * Appends tools' results, for which a context has room for so many bytes. One that is too
   * large has an error in its place that says so.
   */
  appendResults(results: readonly ToolMessage[], room: number): Promise<void>;
  /** Waits until the newest message is not being written, and gives it; undefined if there is none. */
  settled(signal: AbortSignal): Promise<Message | undefined>;
  /** Begins a reply. `onFailure` is called with what its storing fails with for good. */
  reply(onFailure: (error: unknown) => void): ReplyWriter;
  /** Records a call that has no reply. */
  record(apiCall: WrittenApiCall): Promise<void>;
  /** Gives all messages, or the newest, in their order. */
  history(last: number | undefined): Promise<readonly Message[]>;
  /** Deletes all messages. */
  clear(): Promise<void>;
}

/** A session to create. What is absent is empty. */
export interface CreateSessionOptions {
  /** A UUID; one is chosen if it is absent. */
  readonly id?: string | undefined;
  /** A name of 1–255 bytes. */
  readonly key?: string | undefined;
  /** A title for people. */
  readonly title?: string | undefined;
  readonly metadata?: JsonObject | undefined;
}

/** The sessions that an agent can work on. A name is a session's UUID, or else its key. */
export interface AgentSessions {
  /** Gives the session with this name, which is created where there is none. */
  open(name: string | undefined): Promise<AgentSession>;
  /** Creates a session, and gives its id. */
  create(options: CreateSessionOptions): Promise<string>;
  /** @throws StateError `not_found` if there is none. */
  get(name: string): Promise<AgentSession>;
  /** Gives the sessions of the agent and its user, the most recently active first. */
  list(): Promise<readonly SessionInfo[]>;
  /**
   * Deletes a session, unless it is the active one.
   *
   * @throws StateError `not_found` if there is none, `failed_precondition` if it is active.
   */
  delete(name: string, activeId: string): Promise<void>;
}
