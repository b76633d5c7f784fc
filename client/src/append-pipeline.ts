import { PipelineAppendsRequestSchema } from "@mofa-state/proto/mofa/state/v1/message_pb.js";
import { AppendStream } from "./appending/append-stream.js";
import { PendingAppends } from "./appending/pending-appends.js";
import type { CallOptions } from "./call-options.js";
import { describe } from "./convert/describe.js";
import { fromAppend } from "./convert/message-requests.js";
import { invalidArgument, StateError } from "./errors.js";
import type { Appended, NewMessage } from "./model/message.js";
import { quiet } from "./quiet.js";
import type { AppendOptions } from "./session-options.js";
import type { Transport } from "./transport/transport.js";
import { encode } from "./transport/wire.js";

/** How to append through a pipeline. */
export interface PipelineOptions {
  /** How many appends may be on their way; 512 by default. The others wait here, in order. */
  readonly maxInFlight?: number | undefined;
  /** Ends it with `cancelled`; whether what is not answered was stored is unknown. */
  readonly signal?: AbortSignal | undefined;
  /**
   * How long the server may answer nothing that is waited for, with all that is done to
   * connect again, in milliseconds; then every append fails that is not answered. The
   * default is that of `connect`, 30 s.
   */
  readonly timeoutMs?: number | undefined;
}

/**
 * Appends without waiting for one answer before the next append is sent, as `State.pipeline`
 * gives it.
 *
 * It connects when it is first used, and again whenever the connection breaks; then it sends
 * again what is not answered, in the same order and with the same ids, so that nothing is
 * stored twice.
 */
export class AppendPipeline {
  readonly #pending: PendingAppends;
  readonly #stream: AppendStream;
  #requestCount = 0;
  #isClosed = false;

  /** @internal */
  constructor(transport: Transport, options: PipelineOptions) {
    const { maxInFlight = 512 } = options;
    if (!Number.isInteger(maxInFlight) || maxInFlight < 1) {
      throw invalidArgument("maxInFlight", `must be 1 or more, not ${describe(maxInFlight)}`);
    }
    this.#pending = new PendingAppends(maxInFlight);
    this.#stream = new AppendStream(transport, this.#pending, options);
  }

  /**
   * Appends messages to a session, with states and API calls, like `Session.append`: in one
   * transaction, and when it returns they are on disk.
   *
   * It is sent at once, as long as no more than `maxInFlight` appends and 4 MiB are on their
   * way; the others wait in memory. Appends to one session that succeed are stored in the
   * order of their calls. One that fails lets the others go on.
   *
   * @throws StateError as `Session.append` does.
   * @throws StateError `unavailable` also where the server could not store it now. Such an
   * append is not repeated by itself, since later ones may have been stored meanwhile.
   *
   * @example
   * await using pipeline = state.pipeline();
   * await Promise.all(lines.map((content) => pipeline.append(session, { role: "user", content })));
   */
  append(
    session: string | { readonly id: string },
    messages: NewMessage | readonly NewMessage[],
    options: Omit<AppendOptions, keyof CallOptions> = {},
  ): Promise<Appended> {
    const { expectedHeadSequence, agentStates, apiCalls } = options;
    const stored = { messages, agentStates, apiCalls };
    const appended = new Promise<Appended>((resolve, reject) => {
      if (this.#isClosed) throw closed();
      const sessionId = typeof session === "string" ? session : session.id;
      const append = fromAppend({ sessionId, ...stored, expectedHeadSequence });
      this.#requestCount += 1;
      const requestId = String(this.#requestCount);
      const request = encode(PipelineAppendsRequestSchema, { requestId, append });
      this.#pending.add({ requestId, request, resolve, reject });
      this.#stream.send();
    });
    return quiet(appended);
  }

  /**
   * Waits until every append has succeeded or failed, and ends the stream. Closing twice is
   * no error; appending later is `failed_precondition`.
   */
  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#stream.close();
  }

  /** Closes at the end of an `await using` block. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}

function closed(): StateError {
  return new StateError("failed_precondition", "the pipeline was closed: open another one");
}
