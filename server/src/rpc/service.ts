import type {
  DescMessage,
  DescMethod,
  DescMethodBiDiStreaming,
  DescMethodServerStreaming,
  DescMethodUnary,
  DescService,
} from "@bufbuild/protobuf";
import type { handleUnaryCall, Server } from "@grpc/grpc-js";
import type { StreamAnswer } from "./answering-streams.js";
import type { CallEnvironment } from "./call-environment.js";
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

/** Where services are served: a grpc-js server, and what answers its calls with streams, by their paths. */
export interface Serving {
  readonly server: Server;
  readonly streams: Map<string, StreamAnswer>;
}

/**
 * Serves a service of the API.
 *
 * A method without a handler is answered UNIMPLEMENTED.
 */
export function addService<S extends DescService>(
  { server, streams }: Serving,
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
    if (method.methodKind === "unary") {
      const call = unaryCall(method, handler as AnyUnaryHandler, environment);
      server.register<Buffer, Buffer>(path, call, asIs, asIs, "unary");
    } else {
      streams.set(path, toStreamAnswer(method, handler, environment));
      const type = method.methodKind === "bidi_streaming" ? "bidi" : "serverStream";
      server.register<Buffer, Buffer>(path, answeredBefore, asIs, asIs, type);
    }
  }
}

type AnyUnaryHandler = UnaryHandler<DescMessage, DescMessage>;
type AnyServerStreamHandler = ServerStreamHandler<DescMessage, DescMessage>;
type AnyBidiHandler = BidiHandler<DescMessage, DescMessage>;
type AnyHandler = AnyUnaryHandler | AnyServerStreamHandler | AnyBidiHandler;

function toStreamAnswer(
  method: DescMethod,
  handler: AnyHandler,
  environment: CallEnvironment,
): StreamAnswer {
  switch (method.methodKind) {
    case "server_streaming":
      return serverStreamCall(method, handler as AnyServerStreamHandler, environment);
    case "bidi_streaming":
      return bidiCall(method, handler as AnyBidiHandler, environment);
    default:
      throw new Error(`${method.name}: streams of requests with one reply are not supported`);
  }
}

const answeredBefore: handleUnaryCall<Buffer, Buffer> = () => {
  throw new Error("a call came to grpc-js that is answered with a stream");
};

/** Coding is done by the calls themselves: grpc-js would answer its failures INTERNAL. */
function asIs(bytes: Buffer): Buffer {
  return bytes;
}
