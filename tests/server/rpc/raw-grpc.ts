import { createRegistry, fromBinary } from "@bufbuild/protobuf";
import { type Any, anyUnpack } from "@bufbuild/protobuf/wkt";
import {
  type CallOptions,
  Client,
  type ClientDuplexStream,
  type ClientReadableStream,
  credentials,
  Metadata,
  type ServiceError,
} from "@grpc/grpc-js";
import {
  BadRequestSchema,
  ErrorInfoSchema,
  RetryInfoSchema,
} from "@mofa-state/proto/google/rpc/error_details_pb.js";
import { StatusSchema } from "@mofa-state/proto/google/rpc/status_pb.js";
import { onTestFinished } from "vitest";
import type { Logger } from "../../../server/src/domain/log.js";
import { GrpcServer, type GrpcServerOptions } from "../../../server/src/rpc/grpc-server.js";

const DETAILS = createRegistry(BadRequestSchema, ErrorInfoSchema, RetryInfoSchema);

/** A logger that keeps what is logged as errors. */
export class KeptErrors implements Logger {
  readonly errors: unknown[] = [];
  debug(): void {}
  info(): void {}
  warn(): void {}
  error(values: object): void {
    this.errors.push(values);
  }
}

/** A server on a free port, with a client that sends and gets bytes. */
export interface RawPair {
  readonly server: GrpcServer;
  readonly address: string;
  readonly client: RawClient;
  readonly log: KeptErrors;
}

/** Starts a server with the services that `register` adds. Both ends are closed with the test. */
export async function startRaw(
  register: (server: GrpcServer) => void,
  options: Partial<GrpcServerOptions> = {},
): Promise<RawPair> {
  const log = new KeptErrors();
  const server = new GrpcServer({ maxRequestBytes: 1024 * 1024, logger: log, ...options });
  register(server);
  const address = await server.listen({ kind: "tcp", host: "127.0.0.1", port: 0 });
  const client = new RawClient(address);
  onTestFinished(async () => {
    client.close();
    await server.close({ graceMs: 0 });
  });
  return { server, address, client, log };
}

/** How one unary call ended. */
export type RawOutcome =
  | { readonly error: ServiceError; readonly reply?: never }
  | { readonly error?: never; readonly reply: Buffer };

/** A client of grpc-js that neither encodes nor decodes. */
export class RawClient {
  readonly #client: Client;

  constructor(address: string) {
    this.#client = new Client(address, credentials.createInsecure());
  }

  unary(path: string, request: Uint8Array, options: RawCallOptions = {}): Promise<RawOutcome> {
    return new Promise((resolve) => {
      const { metadata = new Metadata(), signal, ...callOptions } = options;
      const call = this.#client.makeUnaryRequest(
        path,
        asIs,
        asIs,
        Buffer.from(request),
        metadata,
        callOptions,
        (error, reply) => {
          if (error === null) resolve({ reply: reply ?? Buffer.alloc(0) });
          else resolve({ error });
        },
      );
      signal?.addEventListener("abort", () => call.cancel());
    });
  }

  stream(
    path: string,
    request: Uint8Array,
    options: CallOptions = {},
  ): ClientReadableStream<Buffer> {
    return this.#client.makeServerStreamRequest(
      path,
      asIs,
      asIs,
      Buffer.from(request),
      new Metadata(),
      options,
    );
  }

  bidi(
    path: string,
    { metadata = new Metadata(), ...options }: Omit<RawCallOptions, "signal"> = {},
  ): ClientDuplexStream<Buffer, Buffer> {
    return this.#client.makeBidiStreamRequest(path, asIs, asIs, metadata, options);
  }

  close(): void {
    this.#client.close();
  }
}

/** What a raw call takes beside its request. */
export interface RawCallOptions extends CallOptions {
  readonly metadata?: Metadata;
  readonly signal?: AbortSignal;
}

/** Reads a stream to its end, and gives the error that ended it. */
export function endOf(stream: ClientReadableStream<Buffer>): Promise<ServiceError | undefined> {
  return new Promise((resolve) => {
    stream.on("data", () => {});
    stream.on("error", (error: ServiceError) => resolve(error));
    stream.on("end", () => resolve(undefined));
  });
}

/** Decodes the details of an error. */
export function detailsOf({ metadata }: Pick<ServiceError, "metadata">) {
  const [encoded] = metadata.get("grpc-status-details-bin");
  if (!Buffer.isBuffer(encoded)) throw new Error("the error has no details");
  return decodeDetails(encoded);
}

/** Decodes details as they are sent. */
export function decodeDetails(encoded: Uint8Array) {
  const status = fromBinary(StatusSchema, new Uint8Array(encoded));
  const details = status.details.map((detail: Any) => anyUnpack(detail, DETAILS));
  return {
    byteLength: encoded.byteLength,
    message: status.message,
    info: details.find((detail) => detail?.$typeName === "google.rpc.ErrorInfo"),
    badRequest: details.find((detail) => detail?.$typeName === "google.rpc.BadRequest"),
    retry: details.find((detail) => detail?.$typeName === "google.rpc.RetryInfo"),
  };
}

function asIs(bytes: Buffer): Buffer {
  return bytes;
}
