import { StateError } from "../errors.js";
import type { Message } from "../model/message.js";
import type { SessionInfo } from "../model/session.js";
import { quiet } from "../quiet.js";
import type { AgentSession, AgentSessions, CreateSessionOptions } from "./agent-session.js";
import { ModelError } from "./model-error.js";
import { ReplyStream } from "./reply-stream.js";
import { runInOrder } from "./session-queue.js";
import { Turn, type TurnSettings } from "./turn.js";

/** How to chat. */
export interface ChatOptions {
  /** Ends the turn with `cancelled`; what the caller has got by then is kept. */
  readonly signal?: AbortSignal | undefined;
  /**
   * Is called behind the last piece if the model ended its answer early, with why: `length` if
   * it had no tokens left, `content_filter`, or a word of the model's own.
   */
  readonly onCutShort?: ((reason: string) => void) | undefined;
}

/**
 * An agent that keeps its conversations, as `LLMAgentBuilder` builds it.
 *
 * It works on one session at a time, the active one. A turn stays with the session that was
 * active when it was asked for: turns of one session follow each other, those of two run at
 * once.
 */
export class LLMAgent {
  readonly #sessions: AgentSessions;
  readonly #settings: TurnSettings;
  #active: AgentSession;

  /** @internal */
  constructor(sessions: AgentSessions, active: AgentSession, settings: TurnSettings) {
    this.#sessions = sessions;
    this.#active = active;
    this.#settings = settings;
  }

  /** The id of the active session, a UUID. */
  get sessionId(): string {
    return this.#active.id;
  }

  /**
   * Creates a session, and gives its id. The active one stays.
   *
   * @throws StateError `already_exists` ID_REUSED or KEY_TAKEN.
   */
  createSession(options: CreateSessionOptions = {}): Promise<string> {
    return this.#sessions.create(options);
  }

  /**
   * Makes a session the active one, by its id or its key, with what is stored of it.
   *
   * @throws StateError `not_found` if there is none, `permission_denied` OTHER_USER if it is
   * another user's; the active one stays.
   */
  async switchSession(session: string): Promise<void> {
    this.#active = await this.#sessions.get(session);
  }

  /**
   * Gives the sessions of this user and agent, those of earlier runs included, the most
   * recently active first.
   */
  listSessions(): Promise<readonly SessionInfo[]> {
    return this.#sessions.list();
  }

  /**
   * Deletes a session, by its id or its key, with all that is stored of it.
   *
   * @throws StateError `failed_precondition` SESSION_ACTIVE if it is the active one.
   * @throws StateError `not_found` if there is none, `permission_denied` OTHER_USER if it is
   * another user's.
   */
  deleteSession(session: string): Promise<void> {
    return this.#sessions.delete(session, this.#active.id);
  }

  /**
   * Asks the model, and gives its answer: all that it said, also before it called tools.
   * When it returns, everything is stored.
   *
   * @throws as `chatStream` does.
   */
  async chat(text: string, options?: ChatOptions): Promise<string> {
    let reply = "";
    for await (const piece of this.chatStream(text, options)) reply += piece;
    return reply;
  }

  /**
   * Asks the model, and gives its answer as it comes. The question is stored before the
   * first piece is given, and everything when the iteration ends.
   *
   * Who leaves the loop, or aborts the signal, ends the turn: what was given is kept as an
   * interrupted message. Leaving, as `break` does, waits until it is stored: where the server is
   * gone, up to the `timeoutMs` of `connect`, 30 s by default; then it throws.
   *
   * A model is at most 256 KiB ahead of its caller, and is held up then. Of a longer answer whose
   * caller stops reading without leaving, what was given is stored, and the session's next turn
   * in this process waits for the rest: leave the loop.
   *
   * An answer that the model has cut short is complete as far as it goes: `onCutShort` tells of
   * it, and so does the `error` of its call in `state.usage`, which succeeded.
   *
   * @throws ModelError if the model fails; what it said until then is kept as an interrupted
   * message.
   * @throws StateError if something could not be stored: behind the last piece there is, if it is
   * the answer. The call to the model is ended as soon as the storing has failed for good.
   * @throws StateError `invalid_argument` if the question is no text; nothing is stored.
   * @throws StateError `cancelled` if the signal is aborted.
   * @throws StateError `failed_precondition` TURN_WAITS if a tool chats in the session whose turn
   * waits for it.
   * @throws StateError `resource_exhausted` TOO_MANY_STEPS if the model called tools 25 times in
   * a row; CONTEXT_TOO_LARGE if the question does not fit the token budget: then it is not
   * stored, unless somebody else took the room for it meanwhile; or if what a tool gave does not;
   * or if what the model is to be sent has more than 8 MiB: `withSlidingWindow` and
   * `withTokenBudget` of the builder limit it.
   *
   * @example
   * for await (const piece of agent.chatStream("Hello")) process.stdout.write(piece);
   */
  chatStream(text: string, options: ChatOptions = {}): AsyncGenerator<string, void> {
    return this.#stream(this.#active, options, (turn) => turn.ask(text));
  }

  /**
   * Goes on with the last turn, if a crash cut it off before it was answered: tool calls
   * without a result are told to be interrupted, and the model is asked again. It ends at once
   * if there is nothing to do. While the last answer is still being written, it waits: for its
   * end, or until the server has interrupted it, some seconds after the crash of its writer.
   * Beside that, the turn must not be under way in another process.
   *
   * @throws as `chatStream` does.
   */
  resume(options: ChatOptions = {}): AsyncGenerator<string, void> {
    return this.#stream(this.#active, options, (turn) => turn.resume());
  }

  /** Gives the messages of the active session, or the `last` ones, in their order. */
  history(options: { readonly last?: number | undefined } = {}): Promise<readonly Message[]> {
    return this.#active.history(options.last);
  }

  /**
   * Deletes the messages of the active session, after the turns that are under way.
   *
   * @throws StateError `failed_precondition` TURN_WAITS if a tool calls it whose turn is one of these.
   */
  async clearHistory(): Promise<void> {
    const session = this.#active;
    await runInOrder(session.id, () => session.clear());
  }

  #stream(
    session: AgentSession,
    options: ChatOptions,
    run: (turn: Turn) => Promise<void>,
  ): AsyncGenerator<string, void> {
    const turn = new Turn(session, this.#settings);
    return new ReplyStream(this.#pieces(session, turn, options, run), () => turn.cancel());
  }

  async *#pieces(
    session: AgentSession,
    turn: Turn,
    { signal, onCutShort }: ChatOptions,
    run: (turn: Turn) => Promise<void>,
  ): AsyncGenerator<string, void> {
    const ended = runInOrder(session.id, () => runTurn(turn, session, () => run(turn)));
    const cancel = () => turn.cancel(signal?.reason);
    signal?.addEventListener("abort", cancel);
    if (signal?.aborted) cancel();
    let isRead = false;
    try {
      yield* turn.flow.read();
      isRead = true;
      if (turn.cutShort !== undefined) onCutShort?.(turn.cutShort);
    } catch (error) {
      isRead = true;
      throw signal?.aborted ? cancelledBy(signal, error) : error;
    } finally {
      signal?.removeEventListener("abort", cancel);
      if (!isRead) {
        turn.cancel();
        throwUnstored(await ended);
      }
    }
  }
}

/** Runs a turn to its end, and gives what it failed with. */
async function runTurn(
  turn: Turn,
  session: AgentSession,
  run: () => Promise<void>,
): Promise<unknown> {
  let failure: unknown;
  try {
    await run();
  } catch (error) {
    failure = error;
  }
  // For the next turn, whose first token is not to wait for it.
  void quiet(session.prepare());
  turn.flow.end(failure);
  return failure;
}

/** Who leaves the loop wants no error of the model, but must learn what is not stored. */
function throwUnstored(error: unknown): void {
  if (error instanceof StateError || error instanceof AggregateError) throw error;
}

/** Gives the error of a turn whose signal was aborted, which may have failed before. */
function cancelledBy(signal: AbortSignal, error: unknown): unknown {
  if (!(error instanceof ModelError) || error.status !== "cancelled") return error;
  return new StateError("cancelled", "the turn was cancelled by its signal", {
    cause: signal.reason,
  });
}
