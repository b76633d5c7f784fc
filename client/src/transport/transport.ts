import {
  create,
  type DescMessage,
  type DescMethod,
  type DescMethodBiDiStreaming,
  type DescMethodServerStreaming,
  type DescMethodUnary,
  type MessageInitShape,
  type MessageShape,
} from "@bufbuild/protobuf";
import { type Client, Metadata } from "@grpc/grpc-js";
import type { CallOptions } from "../call-options.js";
import { StateError } from "../errors.js";
import { Backoff, type BackoffLimits } from "./backoff.js";
import { DuplexCall } from "./duplex-call.js";
import type { Endpoint } from "./endpoint.js";
import type { Endpoints } from "./endpoints.js";
import { OpenCalls } from "./open-calls.js";
import { pumpRequests } from "./request-pump.js";
import { ONCE, type RetryOptions, type RetryPolicy, toRetryPolicy } from "./retry-policy.js";
import { toStateError } from "./status.js";
import { type AnswerStream, callStream, type StreamLimits } from "./stream-call.js";
import { toTimeoutMs } from "./timeout.js";
import { callUnary, type EncodedCall, same } from "./unary-call.js";
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

/** A connection to the server of one address, and the calls that are under way. */
interface Connection {
  readonly endpoint: Endpoint;
  readonly client: Client;
  readonly calls: OpenCalls;
}

/** Makes calls of generated methods on a server of the group, and throws nothing but StateError. */
export class Transport {
  readonly #endpoints: Endpoints;
  readonly #retryPolicy: RetryPolicy;
  readonly #calls: OpenCalls;
  readonly #metadata: Metadata;
  readonly #timeoutMs: number;
  readonly #settings: TransportSettings;

  /** @throws StateError `invalid_argument` if a setting cannot be used. */
  constructor(endpoints: Endpoints, settings: TransportSettings, calls = new OpenCalls()) {
    this.#calls = calls;
    this.#settings = settings;
    this.#retryPolicy = toRetryPolicy(settings.retry);
    this.#endpoints = endpoints;
    this.#metadata = toMetadata(settings);
    this.#timeoutMs = toTimeoutMs(settings.timeoutMs ?? 30_000, "timeoutMs");
  }

  /** The tenant that the settings name, in lower case. */
  get tenantId(): string | undefined {
    return this.#settings.tenantId?.toLowerCase();
  }

  /** Gives one for another tenant, on the same connections. Closing either closes both. */
  inTenant(tenantId: string): Transport {
    return new Transport(this.#endpoints, { ...this.#settings, tenantId }, this.#calls);
  }

  /** Makes a call with one request and one answer. */
  async unary<I extends DescMessage, O extends DescMessage>(
    method: DescMethodUnary<I, O>,
    request: MessageInitShape<I>,
    { repeat = "safe", ...options }: UnaryOptions = {},
  ): Promise<MessageShape<O>> {
    const limits = this.limits(options);
    const call = this.#encode(method, request);
    const backoff = this.backoff(repeat === "never" ? ONCE : undefined);
    for (let attempt = 1; ; attempt += 1) {
      try {
        const answer = await this.#attempt(limits, (connection) =>
          callUnary(connection, call, limits),
        );
        return decode(method.output, answer);
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
   * What `limits` says ends the call, and leaving the loop does.
   */
  serverStream<I extends DescMessage, O extends DescMessage>(
    method: DescMethodServerStreaming<I, O>,
    request: MessageInitShape<I>,
    limits: StreamLimits,
  ): AsyncGenerator<MessageShape<O>, void> {
    return this.serverStreamOf(method, request, limits, (bytes) => decode(method.output, bytes));
  }

  /** Makes a call like `serverStream`, whose answers are decoded by `decodeAnswer`. */
  serverStreamOf<I extends DescMessage, O extends DescMessage, T>(
    method: DescMethodServerStreaming<I, O>,
    request: MessageInitShape<I>,
    limits: StreamLimits,
    decodeAnswer: (bytes: Uint8Array) => T,
  ): AsyncGenerator<T, void> {
    const path = toPath(method);
    return this.#stream(decodeAnswer, limits, ({ client }) => {
      const bytes = encode(method.input, request);
      return client.makeServerStreamRequest(path, same, same, bytes, this.#metadata);
    });
  }

  /** Makes a call with a stream of requests and one of answers, like `serverStream`. */
  bidiStream<I extends DescMessage, O extends DescMessage>(
    method: DescMethodBiDiStreaming<I, O>,
    requests: AsyncIterable<MessageInitShape<I>>,
    limits: StreamLimits,
  ): AsyncGenerator<MessageShape<O>, void> {
    const path = toPath(method);
    const decodeAnswer = (bytes: Uint8Array) => decode(method.output, bytes);
    return this.#stream(decodeAnswer, limits, ({ client }) => {
      const stream = client.makeBidiStreamRequest(path, same, same, this.#metadata);
      void pumpRequests(encodeAll(method.input, requests), stream);
      return stream;
    });
  }

  /**
   * Opens a call with a stream of requests, which are sent encoded, and one of answers,
   * which are taken as they come. It is not repeated.
   */
  duplex<I extends DescMessage, O extends DescMessage>(
    method: DescMethodBiDiStreaming<I, O>,
    limits: BackoffLimits,
    take: (answer: MessageShape<O>) => void,
  ): Promise<DuplexCall> {
    const options = { path: toPath(method), metadata: this.#metadata, signal: limits.signal };
    return this.#attempt(limits, async (connection) => {
      const call = new DuplexCall(connection, options, (bytes) =>
        take(decode(method.output, bytes)),
      );
      call.ended.catch((error) => this.#leaveAfter(connection.endpoint, error));
      return call;
    });
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

  /**
   * Gives the error of a stream that can be resumed: what says that the stream was ended
   * by somebody else than its user is `unavailable`.
   */
  toBreak(cause: unknown, signal: AbortSignal | undefined): StateError {
    const error = toStateError(cause);
    const isOurs = signal?.aborted || this.#calls.closed.aborted;
    if (error.code !== "cancelled" || isOurs) return error;
    return new StateError("unavailable", "the server cancelled the stream", { cause });
  }

  /** Ends all calls and lets go of the connections. */
  close(): void {
    this.#calls.close();
    this.#endpoints.close();
  }

  async *#stream<T>(
    decodeAnswer: (bytes: Uint8Array) => T,
    limits: StreamLimits,
    open: (connection: Connection) => AnswerStream,
  ): AsyncGenerator<T, void> {
    const endpoint = this.#endpoints.current;
    try {
      const connection = await this.#connect(endpoint, limits);
      const answers = callStream(this.#calls, () => open(connection), limits);
      for await (const answer of answers) yield decodeAnswer(answer);
    } catch (error) {
      throw this.#leaveAfter(endpoint, error);
    }
  }

  async #attempt<T>(
    limits: BackoffLimits,
    call: (connection: Connection) => Promise<T>,
  ): Promise<T> {
    const endpoint = this.#endpoints.current;
    try {
      return await call(await this.#connect(endpoint, limits));
    } catch (error) {
      throw this.#leaveAfter(endpoint, error);
    }
  }

  async #connect(endpoint: Endpoint, limits: BackoffLimits): Promise<Connection> {
    this.#calls.check();
    const client = await endpoint.connected(limits, this.#calls.closed);
    return { endpoint, client, calls: this.#calls };
  }

  #leaveAfter(endpoint: Endpoint, cause: unknown): StateError {
    const error = toStateError(cause);
    if (error.code === "unavailable") this.#endpoints.leave(endpoint);
    return error;
  }

  #encode<I extends DescMessage>(
    method: DescMethod & { readonly input: I },
    request: MessageInitShape<I>,
  ): EncodedCall {
    const path = toPath(method);
    return { path, request: encode(method.input, request), metadata: this.#metadata };
  }
}

async function* encodeAll<I extends DescMessage>(
  schema: I,
  requests: AsyncIterable<MessageInitShape<I>>,
): AsyncGenerator<Buffer, void> {
  for await (const request of requests) yield encode(schema, request);
}

function toPath(method: DescMethod): string {
  return `/${method.parent.typeName}/${method.name}`;
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
