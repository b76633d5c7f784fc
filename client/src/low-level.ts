import type {
  DescMessage,
  DescMethod,
  DescMethodBiDiStreaming,
  DescMethodServerStreaming,
  DescMethodUnary,
  DescService,
  MessageInitShape,
  MessageShape,
} from "@bufbuild/protobuf";
import type { CallOptions } from "./call-options.js";
import type { StreamLimits } from "./transport/stream-call.js";
import type { Transport } from "./transport/transport.js";

/** A method with one request and one answer. */
type UnaryCall<I extends DescMessage, O extends DescMessage> = (
  request: MessageInitShape<I>,
  options?: CallOptions,
) => Promise<MessageShape<O>>;

/** A method with one request and a stream of answers. */
type StreamCall<I extends DescMessage, O extends DescMessage> = (
  request: MessageInitShape<I>,
  options?: CallOptions,
) => AsyncGenerator<MessageShape<O>, void>;

/**
 * A method with a stream of requests and one of answers. Without `timeoutMs` it waits for
 * answers without a limit.
 */
type BidiCall<I extends DescMessage, O extends DescMessage> = (
  requests: AsyncIterable<MessageInitShape<I>>,
  options?: CallOptions,
) => AsyncGenerator<MessageShape<O>, void>;

/** The client of a generated service: a function for each of its methods. */
export type LowLevelClient<S extends DescService> = {
  readonly [K in keyof S["method"]]: S["method"][K] extends DescMethodUnary<infer I, infer O>
    ? UnaryCall<I, O>
    : S["method"][K] extends DescMethodServerStreaming<infer I, infer O>
      ? StreamCall<I, O>
      : S["method"][K] extends DescMethodBiDiStreaming<infer I, infer O>
        ? BidiCall<I, O>
        : never;
};

/** Derives the client of a generated service from its descriptor. */
export function createLowLevelClient<S extends DescService>(
  transport: Transport,
  service: S,
): LowLevelClient<S> {
  const methods = service.methods.map((method) => [method.localName, toCall(transport, method)]);
  return Object.fromEntries(methods);
}

function toCall(transport: Transport, method: DescMethod) {
  if (isUnary(method)) {
    return (request: MessageInitShape<DescMessage>, options?: CallOptions) =>
      transport.unary(method, request, { ...options, repeat: "never" });
  }
  if (isServerStreaming(method)) {
    return (request: MessageInitShape<DescMessage>, options?: CallOptions) =>
      transport.serverStream(method, request, transport.limits(options));
  }
  if (isBidiStreaming(method)) {
    return (requests: AsyncIterable<MessageInitShape<DescMessage>>, options?: CallOptions) =>
      transport.bidiStream(method, requests, toBidiLimits(transport, options));
  }
  return undefined;
}

function isUnary(method: DescMethod): method is DescMethod & DescMethodUnary {
  return method.methodKind === "unary";
}

function isServerStreaming(method: DescMethod): method is DescMethod & DescMethodServerStreaming {
  return method.methodKind === "server_streaming";
}

function isBidiStreaming(method: DescMethod): method is DescMethod & DescMethodBiDiStreaming {
  return method.methodKind === "bidi_streaming";
}

function toBidiLimits(transport: Transport, options: CallOptions = {}): StreamLimits {
  if (options.timeoutMs !== undefined) return transport.limits(options);
  return { signal: options.signal, timeoutMs: Infinity, deadline: Infinity };
}
