import { StateError } from "../errors.js";
import type { AgentSession, ReplyWriter } from "./agent-session.js";
import type { ModelCall } from "./model-call.js";
import { ModelError, toModelError } from "./model-error.js";
import type { ReplyFlow } from "./reply-flow.js";
import { untilAborted } from "./until-aborted.js";

/** How long the end of a reply waits for a caller that does not read on. */
const MAX_WAIT_MS = 1_000;

/** One reply of a turn, on its way from the model to the caller and into the store. */
export class TurnReply {
  readonly #session: AgentSession;
  readonly #flow: ReplyFlow;
  readonly #call: ModelCall;
  readonly #questionId: string | undefined;
  /** Undefined until there is text. */
  #writer: ReplyWriter | undefined;
  /** What the storing has failed with for good. */
  #failure: { readonly error: unknown } | undefined;

  constructor(
    session: AgentSession,
    flow: ReplyFlow,
    call: ModelCall,
    questionId: string | undefined,
  ) {
    this.#session = session;
    this.#flow = flow;
    this.#call = call;
    this.#questionId = questionId;
  }

  /**
   * Passes the reply on until its end; when it returns, it is stored.
   *
   * @throws ModelError if the reply is not whole; what there is of it is stored as interrupted.
   * @throws what the storing fails with, which ends the call to the model at once.
   */
  async run(): Promise<void> {
    try {
      await this.#pass();
    } catch (cause) {
      const error = toModelError(cause);
      this.#call.cancel(error);
      this.#flow.settle();
      if (this.#failure) await this.#giveUp(this.#failure.error);
      await this.#interrupt(error);
      throw error;
    }
    this.#flow.settle();
    await this.#finish();
  }

  async #pass(): Promise<void> {
    const { signal } = this.#call;
    for await (const text of this.#call.texts()) {
      this.#flow.put(text, () => this.#write(text));
      if (this.#flow.isFull) await untilAborted(this.#flow.room(), signal);
    }
    try {
      // The caller may stop until everything is taken, who may also have forgotten about it.
      const waiting = AbortSignal.timeout(MAX_WAIT_MS);
      await untilAborted(this.#flow.taken(), AbortSignal.any([waiting, signal]));
    } catch {
      signal.throwIfAborted();
    }
  }

  #write(text: string): void {
    this.#writer ??= this.#begin();
    this.#writer.write(text);
  }

  #begin(): ReplyWriter {
    return this.#session.reply((error) => {
      this.#failure ??= { error };
      this.#call.cancel(toUnstored(error));
    });
  }

  async #finish(): Promise<void> {
    this.#writer ??= this.#begin();
    const { toolCalls: parts, tokenCount } = this.#call;
    const apiCall = this.#call.toApiCall(this.#questionId);
    try {
      await this.#writer.finish({ parts, tokenCount, apiCall });
    } catch (error) {
      this.#call.fail(toUnstored(error));
      await this.#giveUp(error);
    }
  }

  /**
   * Keeps what the store takes of a reply that it has refused, and records its call.
   *
   * @throws the refusal.
   */
  async #giveUp(refusal: unknown): Promise<never> {
    const apiCall = this.#call.toApiCall(this.#questionId);
    try {
      await this.#writer?.finish({ status: "interrupted", apiCall });
    } catch (error) {
      // What came first is what the caller is to learn of.
      if (!isUnreachable(error)) await this.#session.record(apiCall).catch(() => undefined);
    }
    throw refusal;
  }

  /** Stores how far a reply came that is not whole; one without any text is not stored. */
  async #interrupt(error: ModelError): Promise<void> {
    const apiCall = this.#call.toApiCall(this.#questionId);
    try {
      if (this.#writer) await this.#writer.finish({ status: "interrupted", apiCall });
      else await this.#session.record(apiCall);
    } catch (cause) {
      if (error.status === "cancelled") throw cause;
      const message = `${error.message}; and what there was of the reply could not be stored`;
      throw new AggregateError([error, cause], message);
    }
  }
}

/** How the call is recorded whose answer could not be stored. */
function toUnstored(cause: unknown): ModelError {
  const message = cause instanceof Error ? cause.message : String(cause);
  return new ModelError("failed", `the answer could not be stored: ${message}`, { cause });
}

/** Whether asking the server again would only take as long again. */
function isUnreachable(error: unknown): boolean {
  const codes = ["unavailable", "deadline_exceeded"];
  return error instanceof StateError && codes.includes(error.code);
}
