import type { EventEmitter } from "node:events";
import {
  create,
  type DescMessage,
  type DescService,
  fromBinary,
  type MessageInitShape,
  toBinary,
} from "@bufbuild/protobuf";
import {
  type Metadata,
  Server,
  ServerCredentials,
  type ServerDuplexStream,
  type ServerUnaryCall,
  type ServerWritableStream,
  type ServiceDefinition,
  type sendUnaryData,
  type UntypedServiceImplementation,
} from "@grpc/grpc-js";
import { type ConnectOptions, connect, type Session, type State } from "@mofa-state/client";
import { AgentStateService } from "@mofa-state/proto/mofa/state/v1/agent_state_pb.js";
import { MessageService } from "@mofa-state/proto/mofa/state/v1/message_pb.js";
import { SessionService } from "@mofa-state/proto/mofa/state/v1/session_pb.js";
import { UsageService } from "@mofa-state/proto/mofa/state/v1/usage_pb.js";
import { onTestFinished } from "vitest";

/** A call that a scripted server has received. */
export interface ReceivedCall {
  readonly request: Buffer;
  readonly metadata: Metadata;
}

/** Answers a call: with bytes, or with a status by throwing one. `attempt` counts from 1. */
export type UnaryScript = (call: ReceivedCall, attempt: number) => Uint8Array | Promise<Uint8Array>;

/** Answers a streaming call by itself. */
export type StreamScript = (call: ServerWritableStream<Buffer, Buffer>, attempt: number) => void;

/** Answers a call with streams both ways by itself. */
export type DuplexScript = (call: ServerDuplexStream<Buffer, Buffer>, attempt: number) => void;

/** What a server does that real ones do rarely: a script for each method, by its name. */
export interface Scripts {
  readonly unary?: Readonly<Record<string, UnaryScript>>;
  readonly stream?: StreamScript;
  readonly duplex?: DuplexScript;
}

/** Starts a server that acts by its scripts, and gives its address. It ends with the test. */
export async function startScript(scripts: Scripts): Promise<string> {
  const server = new Server();
  for (const service of [SessionService, MessageService, AgentStateService, UsageService]) {
    server.addService(definitions(service), handlers(service, scripts));
  }
  const port = await listen(server);
  onTestFinished(() => server.forceShutdown());
  return `127.0.0.1:${port}`;
}

/** Starts a server that acts by its scripts, and connects to it. Both end with the test. */
export async function connectToScript(scripts: Scripts, options?: ConnectOptions): Promise<State> {
  const address = await startScript(scripts);
  const retry = { initialBackoffMs: 1, maxBackoffMs: 5 };
  const state = await connect(address, { retry, ...options });
  onTestFinished(() => state.close());
  return state;
}

/** Opens a session of a scripted server. */
export async function openScripted(scripts: Scripts, options?: ConnectOptions): Promise<Session> {
  const unary = { getSession: () => session(), ...scripts.unary };
  const state = await connectToScript({ ...scripts, unary }, options);
  return state.sessions.get("00000000-0000-7000-8000-000000000001");
}

/** Opens a session like a server that has it by the id that it is asked for. */
export function opened({ request }: ReceivedCall, created: boolean): Uint8Array {
  const { input, output } = SessionService.method.openSession;
  const time = { seconds: 1n };
  const id = fromBinary(input, request).session?.id;
  return encoded(output, { session: { id: id ?? "", createdAt: time, updatedAt: time }, created });
}

/** Leaves a call without an answer. */
export function never(): Promise<Uint8Array> {
  return new Promise(() => undefined);
}

/** A session as an answer of CreateSession, OpenSession, GetSession and UpdateSession. */
export function session(): Uint8Array {
  const time = { seconds: 1n };
  const fields = { id: "00000000-0000-7000-8000-000000000001", createdAt: time, updatedAt: time };
  return encoded(SessionService.method.getSession.output, { session: fields });
}

/** Encodes an answer. */
export function encoded<D extends DescMessage>(schema: D, init: MessageInitShape<D>): Buffer {
  return Buffer.from(toBinary(schema, create(schema, init)));
}

function definitions(service: DescService): ServiceDefinition {
  const methods = service.methods.map((method) => {
    const definition = {
      path: `/${service.typeName}/${method.name}`,
      requestStream: method.methodKind === "bidi_streaming",
      responseStream: method.methodKind !== "unary",
      requestSerialize: same,
      requestDeserialize: same,
      responseSerialize: same,
      responseDeserialize: same,
    };
    return [method.localName, definition] as const;
  });
  return Object.fromEntries(methods);
}

function handlers(service: DescService, scripts: Scripts): UntypedServiceImplementation {
  const implementation: UntypedServiceImplementation = {};
  for (const { localName, methodKind } of service.methods) {
    const unary = scripts.unary?.[localName];
    if (unary) implementation[localName] = answer(unary);
    const { stream, duplex } = scripts;
    if (methodKind === "server_streaming" && stream) implementation[localName] = numbered(stream);
    if (methodKind === "bidi_streaming" && duplex) implementation[localName] = numbered(duplex);
  }
  return implementation;
}

function answer(script: UnaryScript) {
  let attempt = 0;
  return async (call: ServerUnaryCall<Buffer, Buffer>, reply: sendUnaryData<Buffer>) => {
    attempt += 1;
    try {
      reply(null, Buffer.from(await script(call, attempt)));
    } catch (error) {
      reply(error as Parameters<typeof reply>[0]);
    }
  };
}

function numbered<C extends EventEmitter>(script: (call: C, attempt: number) => void) {
  let attempt = 0;
  return (call: C) => {
    attempt += 1;
    // An `error` that nobody hears would end the process.
    call.on("error", () => undefined);
    script(call, attempt);
  };
}

function same(bytes: Buffer): Buffer {
  return bytes;
}

function listen(server: Server): Promise<number> {
  return new Promise((resolve, reject) => {
    server.bindAsync("127.0.0.1:0", ServerCredentials.createInsecure(), (error, port) => {
      if (error) reject(error);
      else resolve(port);
    });
  });
}
