import { setImmediate } from "node:timers/promises";
import type { DescService } from "@bufbuild/protobuf";
import {
  type ConnectionInjector,
  Server,
  ServerCredentials,
  type ServerOptions,
} from "@grpc/grpc-js";
import type { Logger } from "../domain/log.js";
import { NIL_UUID } from "../domain/uuid.js";
import { readTenant } from "./context.js";
import { answeringCalls, type CallAnswer } from "./incoming-call.js";
import { formatListenAddress, type ListenAddress } from "./listen-address.js";
import { type Listener, openListener } from "./listener.js";
import { LiveStreams } from "./live-streams.js";
import { addService, type Handlers, type Serving } from "./service.js";

/** What a {@link GrpcServer} needs to know. */
export interface GrpcServerOptions {
  /** The largest request, in bytes. */
  readonly maxRequestBytes: number;
  readonly logger: Logger;
}

/** A gRPC server: services, then one address, then an orderly end. */
export class GrpcServer {
  readonly #options: GrpcServerOptions;
  readonly #server: Server;
  readonly #answers = new Map<string, CallAnswer>();
  readonly #liveStreams = new LiveStreams();
  readonly #connections: ConnectionInjector;
  #listener: Listener | undefined;

  constructor(options: GrpcServerOptions) {
    this.#options = options;
    this.#server = new Server({
      ...channelOptions(options.maxRequestBytes),
      interceptors: [answeringCalls(this.#answers)],
    });
    // Our own listener: that of grpc-js does not say why an address is refused, and cannot
    // cut the connections that are left at the end while channelz is off.
    this.#connections = this.#server.createConnectionInjector(ServerCredentials.createInsecure());
  }

  /** Serves a service whose calls act for the tenant of their metadata. */
  add<S extends DescService>(service: S, handlers: Partial<Handlers<S>>): void {
    addService(this.#serving, service, handlers, this.#environment(readTenant));
  }

  /** Serves a service that knows no tenants; what the metadata says of them is ignored. */
  addTenantless<S extends DescService>(service: S, handlers: Partial<Handlers<S>>): void {
    addService(
      this.#serving,
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
    this.#listener = await openListener(address, (socket) =>
      this.#connections.injectConnection(socket),
    );
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
    this.#connections.drain(graceMs);
    await this.#listener?.close(graceMs);
    this.#server.forceShutdown();
  }

  get #serving(): Serving {
    return { server: this.#server, answers: this.#answers };
  }

  #environment(tenantOf: typeof readTenant): Parameters<typeof addService>[3] {
    return { ...this.#options, liveStreams: this.#liveStreams, tenantOf };
  }
}

function channelOptions(maxRequestBytes: number): ServerOptions {
  return {
    "grpc.enable_channelz": 0,
    "grpc.max_concurrent_streams": 1_000,
    // Our own limit answers with details; this one keeps what is far beyond it out of memory.
    "grpc.max_receive_message_length": maxRequestBytes + 1024 * 1024,
    "grpc.max_send_message_length": -1,
    "grpc.keepalive_time_ms": 30_000,
    "grpc.keepalive_timeout_ms": 10_000,
    "grpc.max_connection_idle_ms": 5 * 60_000,
  };
}
