import {
  create,
  type DescMessage,
  type DescMethod,
  type DescMethodServerStreaming,
  type DescMethodUnary,
  type MessageInitShape,
  type MessageShape,
} from "@bufbuild/protobuf";
import { type Client, Metadata } from "@grpc/grpc-js";
import type { CallOptions } from "../call-options.js";
import { StateError } from "../errors.js";
import { Backoff } from "./backoff.js";
import { OpenCalls } from "./open-calls.js";
import { ONCE, type RetryOptions, type RetryPolicy, toRetryPolicy } from "./retry-policy.js";
import { toStateError } from "./status.js";
import { callStream, type StreamLimits } from "./stream-call.js";
import { toTimeoutMs } from "./timeout.js";
import { callUnary, type EncodedCall } from "./unary-call.js";
import { decode, encode } from "./wire.js";

/** What holds for all calls of a connection. */
export interface TransportSettings {
  /**
   * The tenant to work in, a UUID, sent as `x-tenant-id`. The nil UUID by default. A
   * server that authenticates takes the tenant from the token instead.
   */
  readonly tenantId?: string | undefined;
  /**
   * Sent as `authorization: Bearer …` with every call. Without TLS it can be read on the
   * way: use it so on a loopback address or a Unix socket only.
   */
  readonly token?: string | undefined;
  /** How long a call may take where it does not say, in milliseconds; 30,000 by default. */
  readonly timeoutMs?: number | undefined;
  /** How calls are repeated that fail with `unavailable`. */
  readonly retry?: RetryOptions | undefined;
}

/** {@link CallOptions}, and whether the call may be repeated after `unavailable`. */
export interface UnaryOptions extends CallOptions {
  /**
   * `safe` (the default) and `delete` are repeated, and a repeated `delete` that finds
   * nothing has succeeded; `never` is not repeated, since it could undo what others did
   * between two attempts.
   */
  readonly repeat?: "safe" | "delete" | "never" | undefined;
}

/** Makes calls of generated methods over one connection, and throws nothing but StateError. */
export class Transport {
  readonly #client: Client;
  readonly #retryPolicy: RetryPolicy;
  readonly #calls = new OpenCalls();
  readonly #metadata: Metadata;
  readonly #timeoutMs: number;

  /** @throws StateError `invalid_argument` if a setting cannot be used. */
  constructor(client: Client, settings: TransportSettings) {
    this.#retryPolicy = toRetryPolicy(settings.retry);
    this.#client = client;
    this.#metadata = toMetadata(settings);
    this.#timeoutMs = toTimeoutMs(settings.timeoutMs ?? 30_000, "timeoutMs");
  }

  /** Makes a call with one request and one answer. */
  async unary<I extends DescMessage, O extends DescMessage>(
    method: DescMethodUnary<I, O>,
    request: MessageInitShape<I>,
    { repeat = "safe", ...options }: UnaryOptions = {},
  ): Promise<MessageShape<O>> {
    const limits = this.limits(options);
    const connection = { client: this.#client, calls: this.#calls };
    const call = this.#encode(method, request);
    const backoff = this.backoff(repeat === "never" ? ONCE : undefined);
    for (let attempt = 1; ; attempt += 1) {
      try {
        return decode(method.output, await callUnary(connection, call, limits));
      } catch (cause) {
        const error = toStateError(cause);
        const isDone = repeat === "delete" && attempt > 1 && error.code === "not_found";
        if (isDone) return create(method.output);
        await backoff.pauseAfter(error, limits);
      }
    }
  }

  /**
   * Makes a call with one request and a stream of answers. It is not repeated.
   *
   * An answer that takes longer than `timeoutMs`, while the consumer waits for it, ends
   * the call, and so does a first one that is not there by `deadline`. Leaving the loop
   * ends it, too.
   */
  async *serverStream<I extends DescMessage, O extends DescMessage>(
    method: DescMethodServerStreaming<I, O>,
    request: MessageInitShape<I>,
    options: CallOptions & { readonly deadline?: number } = {},
  ): AsyncGenerator<MessageShape<O>, void> {
    const limits = this.limits(options);
    const { deadline = limits.deadline } = options;
    const connection = { client: this.#client, calls: this.#calls };
    const call = this.#encode(method, request);
    for await (const answer of callStream(connection, call, { ...limits, deadline })) {
      yield decode(method.output, answer);
    }
  }

  /** Gives what a call must keep to that begins now. */
  limits({ signal, timeoutMs = this.#timeoutMs }: CallOptions = {}): StreamLimits {
    const checkedMs = toTimeoutMs(timeoutMs, "timeoutMs");
    return { signal, timeoutMs: checkedMs, deadline: performance.now() + checkedMs };
  }

  /** Gives the pauses of a call that begins now. */
  backoff(policy = this.#retryPolicy): Backoff {
    return new Backoff(policy, this.#calls.closed);
  }

  /** Ends all calls and lets go of the connection. */
  close(): void {
    this.#calls.close();
    this.#client.close();
  }

  #encode<I extends DescMessage>(
    method: DescMethod & { readonly input: I },
    request: MessageInitShape<I>,
  ): EncodedCall {
    const path = `/${method.parent.typeName}/${method.name}`;
    return { path, request: encode(method.input, request), metadata: this.#metadata };
  }
}

function toMetadata({ tenantId, token }: TransportSettings): Metadata {
  const metadata = new Metadata();
  try {
    if (tenantId !== undefined) metadata.set("x-tenant-id", tenantId);
    if (token !== undefined) metadata.set("authorization", `Bearer ${token}`);
  } catch {
    // The error's own text would give away the token.
    const message = "tenantId and token: must be of the characters that an HTTP header may have";
    throw new StateError("invalid_argument", message);
  }
  return metadata;
}
