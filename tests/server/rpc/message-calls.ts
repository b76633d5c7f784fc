import { once } from "node:events";
import type {
  ClientHttp2Stream,
  Http2Session,
  IncomingHttpHeaders,
  OutgoingHttpHeaders,
} from "node:http2";
import { setImmediate as turnOfLoop } from "node:timers/promises";
import { MessageService } from "@mofa-state/proto/mofa/state/v1/message_pb.js";
import type { GrpcServerOptions } from "../../../server/src/rpc/grpc-server.js";
import type { Handlers } from "../../../server/src/rpc/service.js";
import { beginBareCall } from "../../support/bare-call.js";
import { connectHttp2 } from "../../support/connect-http2.js";
import { deferred } from "../../support/deferred.js";
import { decodeDetails, type RawPair, startRaw } from "./raw-grpc.js";

/** A unary call of the API. */
export const GET = "/mofa.state.v1.MessageService/GetMessage";
/** A unary call whose request has metadata. */
export const CREATE = "/mofa.state.v1.SessionService/CreateSession";
/** A stream of the API in both directions. */
export const PIPELINE = "/mofa.state.v1.MessageService/PipelineAppends";
/** A server stream of the API. */
export const STREAM = "/mofa.state.v1.MessageService/StreamMessages";
/** An empty message. */
export const EMPTY = new Uint8Array();
/** The empty message as it is on its way: a flag and a length of 0. */
export const EMPTY_REQUEST = Buffer.alloc(5);

/** Handlers of MessageService, those that a test needs. */
export type MessageHandlers = Partial<Handlers<typeof MessageService>>;

/** Starts a server with handlers of MessageService alone, and a client of bytes. */
export function start(
  handlers: MessageHandlers,
  options: Partial<GrpcServerOptions> = {},
): Promise<RawPair> {
  return startRaw((server) => server.add(MessageService, handlers), options);
}

/** Waits until a signal is aborted. */
export function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    signal.addEventListener("abort", () => resolve());
  });
}

/** A handler of {@link waitingCall}. */
export interface WaitingCall {
  readonly getMessage: NonNullable<MessageHandlers["getMessage"]>;
  /** Resolves when it is asked. */
  readonly asked: Promise<void>;
  /** Resolves when it has been told that the call is over. */
  readonly over: Promise<void>;
}

/** A unary call that lasts until it is given up, and tells when it is asked for and when it is over. */
export function waitingCall(): WaitingCall {
  const asked = deferred<void>();
  const over = deferred<void>();
  const getMessage: WaitingCall["getMessage"] = async (_, { signal }) => {
    asked.resolve();
    await aborted(signal);
    over.resolve();
    return {};
  };
  return { getMessage, asked: asked.promise, over: over.promise };
}

/** Opens a stream whose client takes the headers and not one byte more than it must. */
export async function stalledStream(address: string): Promise<ClientHttp2Stream> {
  const stream = makeCall(address, STREAM, {}, EMPTY_REQUEST);
  stream.pause();
  await once(stream, "response");
  return stream;
}

/** A call that is not of STREAM, or does not send the empty message. */
export interface WholeCall {
  readonly path?: string;
  readonly body?: Buffer;
}

/** Makes a call with some headers by a client that watches nothing itself, and gives how it ends. */
export function trailersOf(
  address: string,
  headers: OutgoingHttpHeaders,
  { path = STREAM, body = EMPTY_REQUEST }: WholeCall = {},
): Promise<IncomingHttpHeaders> {
  return endingOf(makeCall(address, path, headers, body));
}

/** Gives how a stream ends, and takes what it brings. */
export function endingOf(stream: ClientHttp2Stream): Promise<IncomingHttpHeaders> {
  stream.resume();
  // Where a call fails before its first reply, its headers are its trailers.
  const ends = ["trailers", "response"].map((event) => statusOf(stream, event));
  return Promise.race(ends);
}

/** Waits until the server has had what was sent on a connection before. */
export async function received(session: Http2Session | undefined): Promise<void> {
  if (session === undefined) throw new Error("the connection has ended");
  if (session.connecting) await once(session, "connect");
  // What was sent before goes out in this turn.
  await turnOfLoop();
  await new Promise<void>((resolve, reject) => {
    session.ping((error) => (error === null ? resolve() : reject(error)));
  });
}

async function statusOf(stream: ClientHttp2Stream, event: string): Promise<IncomingHttpHeaders> {
  const [headers] = (await once(stream, event)) as [IncomingHttpHeaders];
  return headers["grpc-status"] === undefined ? new Promise(() => {}) : headers;
}

function makeCall(
  address: string,
  path: string,
  headers: OutgoingHttpHeaders,
  body: Buffer,
): ClientHttp2Stream {
  const stream = beginCall(address, path, headers);
  stream.end(body);
  return stream;
}

/** Gives the details of the error that a call ended with. */
export function detailsIn(trailers: IncomingHttpHeaders) {
  const encoded = trailers["grpc-status-details-bin"];
  if (typeof encoded !== "string") throw new Error("the call ended without details");
  return decodeDetails(Buffer.from(encoded, "base64"));
}

/** Begins a call of a method, on a connection of its own, and sends no request. */
export function beginCall(
  address: string,
  path: string,
  headers: OutgoingHttpHeaders = {},
): ClientHttp2Stream {
  const stream = beginBareCall(connectHttp2(address), path, headers);
  stream.on("error", () => {});
  return stream;
}
