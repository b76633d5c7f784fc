export {
  type ErrorCode,
  type ErrorReason,
  StateError,
  type StateErrorOptions,
  type Violation,
} from "./domain/errors.js";
export { DEFAULT_LIMITS, type Limits } from "./domain/limits.js";
export type { Logger, LogLine } from "./domain/log.js";
export { UsageError } from "./domain/usage-error.js";
export type { StoreOptions } from "./embedded/embedded-store.js";
export { MemoryStore, MySqlStore, PostgresStore, SqliteStore } from "./embedded/stores.js";
export { DEFAULT_PACE, type Pace } from "./pace.js";
export { type RunningServer, type ServerOptions, startServer } from "./server.js";
