import type { PipelineAppendsResponse } from "@mofa-state/proto/mofa/state/v1/message_pb.js";
import type { CallOptions } from "../call-options.js";
import { toAppended } from "../convert/message.js";
import { type ErrorCode, StateError } from "../errors.js";
import { AnswerWait } from "../transport/answer-wait.js";
import type { Backoff } from "../transport/backoff.js";
import type { DuplexCall } from "../transport/duplex-call.js";
import { messageMethods } from "../transport/methods.js";
import { fromStatus, toStateError } from "../transport/status.js";
import type { Transport } from "../transport/transport.js";
import type { PendingAppend, PendingAppends } from "./pending-appends.js";

/** With what one bad request may end the whole stream. */
const REFUSALS: ReadonlySet<ErrorCode> = new Set([
  "invalid_argument",
  "resource_exhausted",
  "internal",
  "unknown",
]);

/**
 * The stream that carries appends to the server. It is opened when there are some, stays
 * open when all are answered, and is opened again as often as it breaks before.
 */
export class AppendStream {
  readonly #transport: Transport;
  readonly #pending: PendingAppends;
  readonly #signal: AbortSignal | undefined;
  readonly #wait: AnswerWait;
  #backoff: Backoff;
  #call: DuplexCall | undefined;
  /** Ends when the stream does with nothing left to be answered. */
  #running: Promise<void> | undefined;
  #isClosing = false;

  /** @throws StateError `invalid_argument` if an option cannot be used. */
  constructor(transport: Transport, pending: PendingAppends, options: CallOptions) {
    this.#transport = transport;
    this.#pending = pending;
    this.#signal = options.signal;
    this.#wait = new AnswerWait(transport.limits(options).timeoutMs);
    this.#backoff = transport.backoff();
  }

  /** Sends the appends that may be sent, now or as soon as the server can be reached. */
  send(): void {
    this.#wait.begin();
    this.#running ??= this.#run();
    this.#sendSome();
  }

  /** Waits until all appends are answered, and ends the stream. */
  async close(): Promise<void> {
    this.#isClosing = true;
    this.#sendSome();
    await this.#running;
  }

  async #run(): Promise<void> {
    while (!this.#pending.isEmpty) {
      try {
        await this.#attempt();
      } catch (cause) {
        await this.#afterBreak(this.#transport.toBreak(cause, this.#signal));
      }
    }
    this.#running = undefined;
  }

  async #attempt(): Promise<void> {
    const { pipelineAppends } = messageMethods;
    const limits = { deadline: this.#wait.deadline, signal: this.#signal };
    const call = await this.#transport.duplex(pipelineAppends, limits, (answer) =>
      this.#take(answer),
    );
    const stopWatching = this.#wait.watch(call);
    this.#call = call;
    try {
      this.#sendSome();
      await call.ended;
    } finally {
      this.#call = undefined;
      stopWatching();
    }
    throw new StateError("unavailable", "the server ended the stream");
  }

  #sendSome(): void {
    const call = this.#call;
    if (call === undefined) return;
    for (let append = this.#pending.next(); append; append = this.#pending.next()) {
      call.send(append.request);
    }
    if (!this.#isClosing || !this.#pending.isEmpty) return;
    this.#wait.begin();
    call.finish();
  }

  #take({ requestId, outcome }: PipelineAppendsResponse): void {
    const append = this.#pending.answered(requestId);
    if (append === undefined) return;
    this.#backoff = this.#transport.backoff();
    this.#wait.answered(!this.#pending.isEmpty);
    settle(append, outcome);
    this.#sendSome();
  }

  async #afterBreak(error: StateError): Promise<void> {
    if (this.#pending.isEmpty) return;
    if (REFUSALS.has(error.code)) return this.#afterRefusal(error);
    this.#pending.resend("together");
    try {
      const limits = { deadline: this.#wait.deadline, signal: this.#signal };
      await this.#backoff.pauseAfter(error, limits);
    } catch (cause) {
      this.#fail(this.#pending.takeAll(), toStateError(cause));
    }
  }

  /** Fails the append that is to blame: if there are several, it comes to light one by one. */
  #afterRefusal(error: StateError): void {
    if (this.#pending.sentCount > 1) this.#pending.resend("one at a time");
    else this.#fail(this.#pending.takeSent(), error);
  }

  #fail(appends: readonly PendingAppend[], error: StateError): void {
    for (const { reject } of appends) reject(error);
    this.#backoff = this.#transport.backoff();
    this.#wait.answered(!this.#pending.isEmpty);
  }
}

function settle(append: PendingAppend, outcome: PipelineAppendsResponse["outcome"]): void {
  try {
    if (outcome.case === "response") append.resolve(toAppended(outcome.value));
    else if (outcome.case === "error") append.reject(fromStatus(outcome.value));
    else append.reject(new StateError("internal", "the server's answer lacks the outcome"));
  } catch (error) {
    append.reject(toStateError(error));
  }
}
