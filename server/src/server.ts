import { Health } from "@mofa-state/proto/grpc/health/v1/health_pb.js";
import { ServerReflection } from "@mofa-state/proto/grpc/reflection/v1/reflection_pb.js";
import { ServerReflection as ServerReflectionV1Alpha } from "@mofa-state/proto/grpc/reflection/v1alpha/reflection_pb.js";
import { API_SERVICES, Api, type ApiOptions } from "./api.js";
import { type Doorbell, SILENT_DOORBELL } from "./domain/doorbell.js";
import { DEFAULT_LIMITS, type Limits } from "./domain/limits.js";
import { type Logger, SILENT_LOGGER } from "./domain/log.js";
import type { Storage } from "./domain/storage.js";
import { type Pace, toPace } from "./pace.js";
import { GrpcServer } from "./rpc/grpc-server.js";
import { HealthState, healthHandlers } from "./rpc/health.js";
import { HealthMonitor } from "./rpc/health-monitor.js";
import { type ListenAddress, parseListenAddress } from "./rpc/listen-address.js";
import { reflectionHandlers } from "./rpc/reflection.js";
import { openStorage } from "./storage/open.js";

/** What a server is started with. Every field has a default; those of the pace have {@link DEFAULT_PACE}. */
export interface ServerOptions extends Partial<Pace> {
  /** `HOST:PORT`, where port 0 picks a free one, or `unix:/path`. Default `127.0.0.1:0`. */
  readonly listen?: string;
  /** The URL of the database. Default `memory:`, which is lost when the server closes. */
  readonly database?: string;
  /** Whether to bring the schema up to date; if not, an old one is an error. Default true. */
  readonly migrate?: boolean;
  /** The most connections to the database. Default 10. */
  readonly databasePoolSize?: number;
  /** Whether servers tell each other of changes by PostgreSQL's NOTIFY too. Default true. */
  readonly databaseNotify?: boolean;
  /** Limits that differ from {@link DEFAULT_LIMITS}. */
  readonly limits?: Partial<Limits>;
  /** Where to log. Default nowhere. */
  readonly logger?: Logger;
  /** How long calls may take to finish when the server closes, in milliseconds. Default 10,000. */
  readonly shutdownGraceMs?: number;
}

/** A server that runs inside this process. */
export interface RunningServer {
  /** Where it listens, as clients take it: `127.0.0.1:50051` or `unix:/path`. */
  readonly address: string;

  /**
   * Ends every stream with UNAVAILABLE, lets the other calls finish, and lets go of the
   * address and the database. Closing again waits for the same end.
   */
  close(): Promise<void>;
}

const DEFAULT_POOL_SIZE = 10;
const DEFAULT_GRACE_MS = 10_000;

/** How long the database may take to let go at the least, in milliseconds. */
const DATABASE_GRACE_MS = 1_000;

/**
 * Starts a server inside this process. It serves when the promise resolves. `doorbell` tells
 * the others on its database of changes, where the database does not do that by itself.
 *
 * @throws UsageError if the address or the database's URL cannot be read.
 * @throws StateError if the database cannot be used.
 * @throws Error if the address cannot be had. Nothing is left open after any of them.
 *
 * @example
 * const server = await startServer({ database: "sqlite://mofa.db" });
 * const state = await connect(server.address);
 */
export async function startServer(
  options: ServerOptions = {},
  doorbell: Doorbell = SILENT_DOORBELL,
): Promise<RunningServer> {
  const limits: Limits = { ...DEFAULT_LIMITS, ...options.limits };
  const logger = options.logger ?? SILENT_LOGGER;
  const listen = parseListenAddress(options.listen ?? "127.0.0.1:0");
  const storage = await openStorage(options.database ?? "memory:", {
    migrate: options.migrate ?? true,
    poolSize: options.databasePoolSize ?? DEFAULT_POOL_SIZE,
    keepVersions: limits.keepVersions,
    maxRequestBytes: limits.maxRequestBytes,
    databaseNotify: options.databaseNotify ?? true,
    doorbell,
    logger,
  });
  if (storage.backend === "memory") {
    logger.warn({}, "the database is in memory: everything is lost when the server ends");
  }
  try {
    return await serve(storage, {
      listen,
      limits,
      pace: toPace(options),
      logger,
      graceMs: options.shutdownGraceMs ?? DEFAULT_GRACE_MS,
    });
  } catch (error) {
    await storage.close();
    throw error;
  }
}

interface ServeOptions extends ApiOptions {
  readonly listen: ListenAddress;
  readonly graceMs: number;
}

async function serve(storage: Storage, options: ServeOptions): Promise<RunningServer> {
  const { listen, limits, logger, graceMs } = options;
  const health = new HealthState();
  const server = new GrpcServer({ maxRequestBytes: limits.maxRequestBytes, logger });
  const api = new Api(storage, options);
  api.addTo(server);
  addTooling(server, health);
  const address = await server.listen(listen);

  health.set(true);
  api.start();
  const monitor = new HealthMonitor({ ping: () => storage.ping(), health, logger });
  async function close(): Promise<void> {
    const deadline = Date.now() + graceMs;
    health.set(false);
    api.stop();
    monitor.stop();
    await server.close({ graceMs });
    const leftMs = Math.max(deadline - Date.now(), DATABASE_GRACE_MS);
    const letGo = api.close().then(() => storage.close());
    if (await isSettledWithin(leftMs, letGo)) return;
    logger.warn({}, "the database does not answer: the server ends without letting go of it");
  }
  let closing: Promise<void> | undefined;
  return {
    address,
    close() {
      closing ??= close();
      return closing;
    },
  };
}

/** Waits for a promise, but no longer than `ms` milliseconds, and tells whether it was resolved. */
async function isSettledWithin(ms: number, promise: Promise<void>): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const timeout = new Promise<boolean>((resolve) => {
    timer = setTimeout(() => resolve(false), ms);
  });
  try {
    return await Promise.race([promise.then(() => true), timeout]);
  } finally {
    clearTimeout(timer);
  }
}

/** Adds what every gRPC server has, whatever its API. */
function addTooling(server: GrpcServer, health: HealthState): void {
  const names = API_SERVICES.map((service) => service.typeName);
  const reflection = reflectionHandlers([...API_SERVICES, Health]);
  server.addTenantless(Health, healthHandlers(health, names));
  server.addTenantless(ServerReflection, reflection.v1);
  server.addTenantless(ServerReflectionV1Alpha, reflection.v1alpha);
}
