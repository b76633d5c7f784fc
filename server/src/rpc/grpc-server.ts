import { setImmediate } from "node:timers/promises";
import type { DescService } from "@bufbuild/protobuf";
import type { Logger } from "../domain/log.js";
import { NIL_UUID } from "../domain/uuid.js";
import type { CallEnvironment } from "./call-environment.js";
import { type Answering, answerCall } from "./calls/answer-call.js";
import { Decompressor } from "./calls/decompressor.js";
import type { CallAnswer } from "./calls/incoming-call.js";
import { readTenant } from "./context.js";
import { Connections } from "./http2/connections.js";
import { CONNECTION_TIMES, type ConnectionTimes } from "./http2/keep-alive.js";
import { formatListenAddress, type ListenAddress } from "./listen-address.js";
import { type Listener, openListener } from "./listener.js";
import { LiveStreams } from "./live-streams.js";
import { addService, type Handlers } from "./service.js";

/** What a {@link GrpcServer} needs to know. */
export interface GrpcServerOptions {
  /** The largest request, in bytes. */
  readonly maxRequestBytes: number;
  readonly logger: Logger;
  /** Default {@link CONNECTION_TIMES}. */
  readonly connectionTimes?: ConnectionTimes;
}

/** A gRPC server: services, then one address, then an orderly end. */
export class GrpcServer {
  readonly #answering: Answering;
  readonly #answers = new Map<string, CallAnswer>();
  readonly #liveStreams = new LiveStreams();
  readonly #connections: Connections;
  #listener: Listener | undefined;

  constructor(options: GrpcServerOptions) {
    const { maxRequestBytes, logger, connectionTimes = CONNECTION_TIMES } = options;
    const decompressor = new Decompressor(maxRequestBytes);
    this.#answering = { answers: this.#answers, maxRequestBytes, decompressor, logger };
    this.#connections = new Connections(connectionTimes, {
      onStream: (stream, headers) => answerCall(stream, headers, this.#answering),
      onDefect: (error) => logger.error({ err: error }, "a connection had to be ended"),
    });
  }

  /** Serves a service whose calls act for the tenant of their metadata. */
  add<S extends DescService>(service: S, handlers: Partial<Handlers<S>>): void {
    addService(this.#answers, service, handlers, this.#environment(readTenant));
  }

  /** Serves a service that knows no tenants; what the metadata says of them is ignored. */
  addTenantless<S extends DescService>(service: S, handlers: Partial<Handlers<S>>): void {
    addService(
      this.#answers,
      service,
      handlers,
      this.#environment(() => NIL_UUID),
    );
  }

  /**
   * Listens, and gives the address that clients connect to: with the port that was
   * chosen, where 0 was given.
   *
   * @throws Error with a sentence that says what to do, if the address cannot be had.
   */
  async listen(address: ListenAddress): Promise<string> {
    this.#listener = await openListener(address, (socket) => this.#connections.accept(socket));
    return formatListenAddress(this.#listener.address);
  }

  /**
   * Ends every stream with UNAVAILABLE, lets the other calls finish for `graceMs`, and
   * cuts those that are left.
   */
  async close({ graceMs }: { readonly graceMs: number }): Promise<void> {
    // One turn, so that those who watch the health see its last change before the end.
    await setImmediate();
    this.#liveStreams.drain();
    this.#connections.drain();
    await this.#listener?.close(graceMs);
  }

  #environment(tenantOf: typeof readTenant): CallEnvironment {
    const { logger } = this.#answering;
    return { logger, liveStreams: this.#liveStreams, tenantOf };
  }
}
