import type {
  DescMessage,
  DescMethod,
  DescMethodBiDiStreaming,
  DescMethodServerStreaming,
  DescMethodUnary,
  DescService,
} from "@bufbuild/protobuf";
import type { CallEnvironment } from "./call-environment.js";
import type { CallAnswer } from "./calls/incoming-call.js";
import {
  type BidiHandler,
  bidiCall,
  type ServerStreamHandler,
  serverStreamCall,
} from "./stream-call.js";
import { type UnaryHandler, unaryCall } from "./unary-call.js";

/** What implements one method of a service. Streams of requests with one reply are not used. */
export type Handler<M> =
  M extends DescMethodUnary<infer I, infer O>
    ? UnaryHandler<I, O>
    : M extends DescMethodServerStreaming<infer I, infer O>
      ? ServerStreamHandler<I, O>
      : M extends DescMethodBiDiStreaming<infer I, infer O>
        ? BidiHandler<I, O>
        : never;

/** What implements a service: a function for each of its methods. */
export type Handlers<S extends DescService> = {
  readonly [K in keyof S["method"]]: Handler<S["method"][K]>;
};

/**
 * Adds what answers the calls of a service, by the paths of its methods.
 *
 * A method without a handler is answered UNIMPLEMENTED, as one that is not known.
 */
export function addService<S extends DescService>(
  answers: Map<string, CallAnswer>,
  service: S,
  handlers: Partial<Handlers<S>>,
  environment: CallEnvironment,
): void {
  // The mapped type is exact for callers; here the methods are met one by one.
  const byName = handlers as Readonly<Record<string, AnyHandler | undefined>>;
  for (const method of service.methods) {
    const handler = byName[method.localName];
    if (handler === undefined) continue;
    const path = `/${service.typeName}/${method.name}`;
    answers.set(path, toAnswer(method, handler, environment));
  }
}

type AnyUnaryHandler = UnaryHandler<DescMessage, DescMessage>;
type AnyServerStreamHandler = ServerStreamHandler<DescMessage, DescMessage>;
type AnyBidiHandler = BidiHandler<DescMessage, DescMessage>;
type AnyHandler = AnyUnaryHandler | AnyServerStreamHandler | AnyBidiHandler;

function toAnswer(
  method: DescMethod,
  handler: AnyHandler,
  environment: CallEnvironment,
): CallAnswer {
  switch (method.methodKind) {
    case "unary":
      return unaryCall(method, handler as AnyUnaryHandler, environment);
    case "server_streaming":
      return serverStreamCall(method, handler as AnyServerStreamHandler, environment);
    case "bidi_streaming":
      return bidiCall(method, handler as AnyBidiHandler, environment);
    case "client_streaming":
      throw new Error(`${method.name}: streams of requests with one reply are not supported`);
  }
}
