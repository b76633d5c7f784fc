import { AgentStates } from "./agent-states.js";
import type { CallOptions } from "./call-options.js";
import { type ContextOptions, readContext } from "./context.js";
import { toAppended, toMessage, toMessagePage } from "./convert/message.js";
import { fromAppend, fromEdit, fromListing } from "./convert/message-requests.js";
import { fromInt64, toInt64 } from "./convert/scalar.js";
import { fromNewFork, fromSessionChange, toSessionInfo } from "./convert/session.js";
import { type FollowOptions, followSession } from "./follow.js";
import { type StreamOptions, streamFrames } from "./message-frames.js";
import { MessageWriter, type WriteOptions } from "./message-writer.js";
import type { Context } from "./model/context.js";
import type { SessionEvent } from "./model/follow.js";
import type {
  Appended,
  Message,
  MessageChange,
  MessageFrame,
  MessagePage,
  NewMessage,
} from "./model/message.js";
import type { NewFork, SessionChange, SessionInfo } from "./model/session.js";
import type { MessageHeader } from "./model/writing.js";
import { eachItem } from "./paging.js";
import type { AppendOptions, ListMessagesOptions, UpdateOptions } from "./session-options.js";
import { messageMethods, sessionMethods } from "./transport/methods.js";
import type { Transport } from "./transport/transport.js";

/**
 * A session of the server, to work with.
 *
 * It is a handle: it keeps no messages, and any number of handles, in any number of
 * processes, may work on one session.
 */
export class Session {
  /** A UUID in lower case. */
  readonly id: string;
  /**
   * Whether `open` created the session. Always true of `create` and `fork`, also where the same
   * call had created it before; always false of `get`.
   */
  readonly created: boolean;
  /** The agent's named, versioned state beside the messages. */
  readonly state: AgentStates;
  readonly #transport: Transport;
  #info: SessionInfo;

  /** @internal */
  constructor(transport: Transport, info: SessionInfo, created: boolean) {
    this.id = info.id;
    this.created = created;
    this.state = new AgentStates(transport, info.id);
    this.#transport = transport;
    this.#info = info;
  }

  /**
   * What is known of the session: as of the last answer that carried it, which is that
   * of open, create, get, `fork`, `refresh` or `update`. An append does not move it.
   */
  get info(): SessionInfo {
    return this.#info;
  }

  /**
   * Reads the session anew, into `info`.
   *
   * @throws StateError `not_found` SESSION_DELETED if it was deleted.
   */
  async refresh(options?: CallOptions): Promise<SessionInfo> {
    const session = { case: "sessionId", value: this.id } as const;
    const response = await this.#transport.unary(sessionMethods.getSession, { session }, options);
    this.#info = toSessionInfo(response.session);
    return this.#info;
  }

  /**
   * Changes title and metadata. A change whose values already hold writes nothing.
   *
   * Without `expectedVersion` it is not retried: repeating it could undo what was changed
   * meanwhile.
   *
   * @throws StateError `aborted` VERSION_CONFLICT if the session is not at `expectedVersion`;
   * where an answer was lost and others wrote, too, this very change may have come first.
   */
  async update(change: SessionChange, options: UpdateOptions = {}): Promise<SessionInfo> {
    const request = fromSessionChange(this.id, change, options.expectedVersion);
    const response = await this.#transport.unary(sessionMethods.updateSession, request, {
      ...options,
      repeat: toRepeat(options),
    });
    this.#info = toSessionInfo(response.session);
    return this.#info;
  }

  /**
   * Cuts a new session from this one: it begins with the messages up to `at`, the head by
   * default, and the states of that time, and goes on by itself.
   *
   * Nothing is copied, however long the history is. What either session changes afterwards
   * is not seen in the other, and each may be deleted. The id is chosen once a call, so that
   * its retries cut one fork.
   *
   * @throws StateError `out_of_range` POSITION_AHEAD if `at` is past the head.
   * @throws StateError `failed_precondition` MESSAGE_IN_PROGRESS if a message up to there is being written.
   * @throws StateError `already_exists` ID_REUSED if the id is taken, KEY_TAKEN if the key is.
   *
   * @example
   * const retry = await session.fork({ at: 4, title: "another answer" });
   */
  async fork(fork: NewFork = {}, options?: CallOptions): Promise<Session> {
    const request = fromNewFork(this.id, fork);
    const response = await this.#transport.unary(sessionMethods.forkSession, request, options);
    return new Session(this.#transport, toSessionInfo(response.session), true);
  }

  /**
   * Deletes the session with its messages and states. Its forks keep what they share.
   *
   * @throws StateError `not_found` SESSION_DELETED if it was deleted before.
   */
  async delete(options?: CallOptions): Promise<void> {
    const { deleteSession } = sessionMethods;
    await this.#transport.unary(
      deleteSession,
      { sessionId: this.id },
      { ...options, repeat: "delete" },
    );
  }

  /**
   * Appends messages to the end of the session, and stores states and API calls with them,
   * in one transaction. When it returns, they are on disk.
   *
   * The messages get the next sequences, in order and without gaps. Ids that are absent
   * are chosen once a call, so that its retries store nothing twice.
   *
   * @throws StateError `aborted` SEQUENCE_CONFLICT if the head is not `expectedHeadSequence`,
   * VERSION_CONFLICT if a state is not at its `expectedVersion`.
   * @throws StateError `already_exists` ID_REUSED, MESSAGE_DELETED or STATE_DELETED if a given id is known otherwise.
   *
   * @example
   * await session.append({ role: "user", content: "Hello" });
   */
  async append(
    messages: NewMessage | readonly NewMessage[],
    options: AppendOptions = {},
  ): Promise<Appended> {
    const { expectedHeadSequence, agentStates, apiCalls } = options;
    const stored = { messages, agentStates, apiCalls };
    const request = fromAppend({ sessionId: this.id, ...stored, expectedHeadSequence });
    return toAppended(await this.#transport.unary(messageMethods.appendMessages, request, options));
  }

  /**
   * Reads the history in its order, as it was when the call began.
   *
   * A stream that breaks is resumed by itself, without a gap or a duplicate; then it goes
   * on to the head of that moment, so that messages may come that were appended after the
   * call began. Leaving the loop ends it on the server. A consumer that is slow holds the
   * stream up; nothing piles up in memory.
   *
   * @throws StateError `out_of_range` POSITION_AHEAD if `after` or `resumeToken` is beyond what the store holds.
   *
   * @example
   * for await (const message of session.messages({ last: 50 })) console.log(message.content);
   */
  async *messages(options: StreamOptions = {}): AsyncGenerator<Message, void> {
    for await (const frame of this.messageFrames(options)) yield* frame.messages;
  }

  /**
   * Reads the history like {@link Session.messages}, in the frames in which it comes:
   * each with the token that resumes after it.
   */
  messageFrames(options: StreamOptions = {}): AsyncGenerator<MessageFrame, void> {
    return streamFrames(this.#transport, this.id, options);
  }

  /**
   * Follows the session: its history in its order, then everything that happens, as it happens.
   *
   * It never ends by itself. A stream that breaks is resumed from where it was, on the next
   * server of the group if there is one, without a gap or a duplicate. What was shown of a
   * message that is being written may be taken back, since it was not durable yet. Leaving
   * the loop ends it on the server, and so does the signal. A consumer that is slow holds the
   * stream up; nothing piles up in memory.
   *
   * @throws StateError `not_found` SESSION_DELETED once the session is deleted.
   * @throws StateError `out_of_range` POSITION_AHEAD if `after` or `resumeToken` is beyond what the store holds.
   * @throws StateError `invalid_argument` if the token was edited or belongs to another session.
   *
   * @example
   * for await (const event of session.follow({ last: 50 })) {
   *   if (event.type === "message") console.log(event.message.content);
   * }
   */
  follow(options: FollowOptions = {}): AsyncGenerator<SessionEvent, void> {
    return followSession(this.#transport, this.id, options);
  }

  /**
   * Begins a message, to be written piece by piece as a model produces it: what is
   * acknowledged survives a crash, and followers see it grow.
   *
   * The `id` of a message that was begun before goes on with it.
   *
   * @throws StateError `invalid_argument` if the header cannot be sent. What the server refuses
   * is thrown by the writer.
   *
   * @example
   * await using reply = session.write({ role: "assistant" });
   * for await (const token of model) await reply.write(token);
   * await reply.finish();
   */
  write(header: MessageHeader, options: WriteOptions = {}): MessageWriter {
    return new MessageWriter(this.#transport, this.id, header, options);
  }

  /**
   * Gives the messages to send to a model next: the newest turns that fit, in order, with
   * system messages and pinned ones. A tool call and its results are never separated, and
   * behind the system messages a user message comes first. What is stored stays.
   *
   * @throws StateError `resource_exhausted` CONTEXT_TOO_LARGE if not even what must be kept fits.
   *
   * @example
   * const { messages, headSequence } = await session.context({ maxTokens: 8_000 });
   */
  context(options: ContextOptions = {}): Promise<Context> {
    return readContext(this.#transport, this.id, options);
  }

  /** Lists messages, fetching pages as they are needed. */
  listMessages(options: ListMessagesOptions = {}): AsyncGenerator<Message, void> {
    return eachItem(async (pageToken) => {
      const page = await this.listMessagesPage({ ...options, pageToken });
      return { items: page.messages, nextPageToken: page.nextPageToken };
    });
  }

  /**
   * Lists one page of messages: the first, or the one that `pageToken` names.
   *
   * @throws StateError `invalid_argument` if the token was edited or belongs to another list.
   */
  async listMessagesPage(
    options: ListMessagesOptions & { readonly pageToken?: string | undefined } = {},
  ): Promise<MessagePage> {
    const { pageSize, pageToken, order, roles } = options;
    const request = fromListing({ sessionId: this.id, pageSize, pageToken, order, roles });
    return toMessagePage(
      await this.#transport.unary(messageMethods.listMessages, request, options),
    );
  }

  /**
   * Gives one message.
   *
   * @throws StateError `not_found` MESSAGE_NOT_FOUND or MESSAGE_DELETED.
   */
  async getMessage(messageId: string, options?: CallOptions): Promise<Message> {
    const request = { sessionId: this.id, messageId };
    const response = await this.#transport.unary(messageMethods.getMessage, request, options);
    return toMessage(response.message);
  }

  /**
   * Edits a message; its sequence, role and `createdAt` stay. A change whose values
   * already hold writes nothing.
   *
   * Without `expectedVersion` it is not retried: repeating it could undo what was changed
   * meanwhile.
   *
   * @throws StateError `aborted` VERSION_CONFLICT if the message is not at `expectedVersion`;
   * where an answer was lost and others wrote, too, this very change may have come first.
   * @throws StateError `not_found` MESSAGE_NOT_FOUND or MESSAGE_DELETED.
   */
  async updateMessage(
    messageId: string,
    change: MessageChange,
    options: UpdateOptions = {},
  ): Promise<Message> {
    const { expectedVersion } = options;
    const request = fromEdit({ sessionId: this.id, messageId, change, expectedVersion });
    const response = await this.#transport.unary(messageMethods.updateMessage, request, {
      ...options,
      repeat: toRepeat(options),
    });
    return toMessage(response.message);
  }

  /**
   * Deletes a message: its content is erased at once, the other messages keep their
   * sequences.
   *
   * @throws StateError `not_found` MESSAGE_NOT_FOUND or MESSAGE_DELETED.
   */
  async deleteMessage(messageId: string, options?: CallOptions): Promise<void> {
    const request = { sessionId: this.id, messageId };
    await this.#transport.unary(messageMethods.deleteMessage, request, {
      ...options,
      repeat: "delete",
    });
  }

  /**
   * Deletes all messages after the sequence `after`, 0 by default, as one change, and
   * gives their number. The head stays where it is.
   *
   * It is not retried: repeating it could delete what was appended meanwhile.
   */
  async clear(
    options: CallOptions & { readonly after?: number | undefined } = {},
  ): Promise<number> {
    const afterSequence = toInt64(options.after ?? 0, "after_sequence");
    const request = { sessionId: this.id, afterSequence };
    const { clearMessages } = messageMethods;
    const response = await this.#transport.unary(clearMessages, request, {
      ...options,
      repeat: "never",
    });
    return fromInt64(response.deletedCount);
  }
}

function toRepeat({ expectedVersion }: UpdateOptions): "safe" | "never" {
  return expectedVersion === undefined ? "never" : "safe";
}
