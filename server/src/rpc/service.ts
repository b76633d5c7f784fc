import type {
  DescMessage,
  DescMethod,
  DescMethodBiDiStreaming,
  DescMethodServerStreaming,
  DescMethodUnary,
  DescService,
} from "@bufbuild/protobuf";
import type {
  handleBidiStreamingCall,
  handleServerStreamingCall,
  handleUnaryCall,
  Server,
} from "@grpc/grpc-js";
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

/**
 * Serves a service of the API on a grpc-js server.
 *
 * A method without a handler is answered UNIMPLEMENTED.
 */
export function addService<S extends DescService>(
  server: Server,
  service: S,
  handlers: Partial<Handlers<S>>,
  environment: CallEnvironment,
): void {
  // The mapped type is exact for callers; here the methods are met one by one.
  const byName = handlers as Readonly<Record<string, AnyHandler | undefined>>;
  for (const method of service.methods) {
    const handler = byName[method.localName];
    if (handler === undefined) continue;
    const { call, type } = toGrpcCall(method, handler, environment);
    const path = `/${service.typeName}/${method.name}`;
    server.register<Buffer, Buffer>(path, call, asIs, asIs, type);
  }
}

interface GrpcCall {
  readonly type: "unary" | "serverStream" | "bidi";
  readonly call:
    | handleUnaryCall<Buffer, Buffer>
    | handleServerStreamingCall<Buffer, Buffer>
    | handleBidiStreamingCall<Buffer, Buffer>;
}

type AnyUnaryHandler = UnaryHandler<DescMessage, DescMessage>;
type AnyServerStreamHandler = ServerStreamHandler<DescMessage, DescMessage>;
type AnyBidiHandler = BidiHandler<DescMessage, DescMessage>;
type AnyHandler = AnyUnaryHandler | AnyServerStreamHandler | AnyBidiHandler;

function toGrpcCall(
  method: DescMethod,
  handler: AnyHandler,
  environment: CallEnvironment,
): GrpcCall {
  switch (method.methodKind) {
    case "unary": {
      const call = unaryCall(method, handler as AnyUnaryHandler, environment);
      return { type: "unary", call };
    }
    case "server_streaming": {
      const call = serverStreamCall(method, handler as AnyServerStreamHandler, environment);
      return { type: "serverStream", call };
    }
    case "bidi_streaming": {
      const call = bidiCall(method, handler as AnyBidiHandler, environment);
      return { type: "bidi", call };
    }
    case "client_streaming":
      throw new Error(`${method.name}: streams of requests with one reply are not supported`);
  }
}

/** Coding is done by the calls themselves: grpc-js would answer its failures INTERNAL. */
function asIs(bytes: Buffer): Buffer {
  return bytes;
}
