import { DEFAULT_LIMITS, type Limits } from "./domain/limits.js";
import { DEFAULT_PACE, type Pace } from "./pace.js";
import {
  integerSetting,
  type Setting,
  switchSetting,
  textSetting,
  wordSetting,
} from "./setting.js";

const KIB = 1024;
const MIB = 1024 * KIB;

/** The settings of the limits, by the limit's name. */
export const LIMIT_SETTINGS: { readonly [K in keyof Limits]: Setting<Limits[K]> } = {
  maxRequestBytes: integerSetting(
    { min: 64 * KIB, max: 256 * MIB },
    {
      flag: "--max-request-bytes <bytes>",
      variable: "MOFA_STATE_MAX_REQUEST_BYTES",
      defaultValue: DEFAULT_LIMITS.maxRequestBytes,
      description: "the largest request, in bytes",
    },
  ),
  maxAppendMessages: integerSetting(
    { min: 1, max: 10_000 },
    {
      flag: "--max-append-messages <count>",
      variable: "MOFA_STATE_MAX_APPEND_MESSAGES",
      defaultValue: DEFAULT_LIMITS.maxAppendMessages,
      description: "the most messages in one append",
    },
  ),
  maxMetadataBytes: integerSetting(
    { min: KIB, max: 64 * MIB },
    {
      flag: "--max-metadata-bytes <bytes>",
      variable: "MOFA_STATE_MAX_METADATA_BYTES",
      defaultValue: DEFAULT_LIMITS.maxMetadataBytes,
      description: "the largest metadata of a session or message, in bytes of JSON",
    },
  ),
  maxStateBytes: integerSetting(
    { min: KIB, max: 256 * MIB },
    {
      flag: "--max-state-bytes <bytes>",
      variable: "MOFA_STATE_MAX_STATE_BYTES",
      defaultValue: DEFAULT_LIMITS.maxStateBytes,
      description: "the largest agent state, in bytes",
    },
  ),
  defaultPageSize: integerSetting(
    { min: 1, max: 10_000 },
    {
      flag: "--default-page-size <count>",
      variable: "MOFA_STATE_DEFAULT_PAGE_SIZE",
      defaultValue: DEFAULT_LIMITS.defaultPageSize,
      description: "how many items a page has where the request does not say",
    },
  ),
  maxPageSize: integerSetting(
    { min: 1, max: 10_000 },
    {
      flag: "--max-page-size <count>",
      variable: "MOFA_STATE_MAX_PAGE_SIZE",
      defaultValue: DEFAULT_LIMITS.maxPageSize,
      description: "the most items that a page has",
    },
  ),
  keepVersions: integerSetting(
    { min: 1, max: 1_000_000 },
    {
      flag: "--keep-versions <count>",
      variable: "MOFA_STATE_KEEP_VERSIONS",
      defaultValue: DEFAULT_LIMITS.keepVersions,
      description: "how many versions of each key of agent state are kept",
    },
  ),
  historyCacheBytes: integerSetting(
    { min: 0, max: 64 * 1024 * MIB },
    {
      flag: "--history-cache-bytes <bytes>",
      variable: "MOFA_STATE_HISTORY_CACHE_BYTES",
      defaultValue: DEFAULT_LIMITS.historyCacheBytes,
      description: "how much of the newest histories is kept in memory, in bytes, 0 for none",
    },
  ),
};

/** The settings of the pace, by the field's name. */
export const PACE_SETTINGS: { readonly [K in keyof Pace]: Setting<Pace[K]> } = {
  pollIntervalMs: integerSetting(
    { min: 10, max: 60_000 },
    {
      flag: "--poll-interval-ms <ms>",
      variable: "MOFA_STATE_POLL_INTERVAL_MS",
      defaultValue: DEFAULT_PACE.pollIntervalMs,
      description: "how often the revisions of followed sessions are looked up, in milliseconds",
    },
  ),
  heartbeatIntervalMs: integerSetting(
    { min: 100, max: 3_600_000 },
    {
      flag: "--heartbeat-interval-ms <ms>",
      variable: "MOFA_STATE_HEARTBEAT_INTERVAL_MS",
      defaultValue: DEFAULT_PACE.heartbeatIntervalMs,
      description: "after which silence a follower gets a heartbeat, in milliseconds",
    },
  ),
  writeLeaseMs: integerSetting(
    { min: 1_000, max: 600_000 },
    {
      flag: "--write-lease-ms <ms>",
      variable: "MOFA_STATE_WRITE_LEASE_MS",
      defaultValue: DEFAULT_PACE.writeLeaseMs,
      description:
        "how long a writer may be silent before its message is interrupted, in milliseconds",
    },
  ),
  writeCheckpointMs: integerSetting(
    { min: 0, max: 10_000 },
    {
      flag: "--write-checkpoint-ms <ms>",
      variable: "MOFA_STATE_WRITE_CHECKPOINT_MS",
      defaultValue: DEFAULT_PACE.writeCheckpointMs,
      description:
        "how long text of a message that is being written waits to be stored, in milliseconds",
    },
  ),
  writeCheckpointBytes: integerSetting(
    { min: 1, max: MIB },
    {
      flag: "--write-checkpoint-bytes <bytes>",
      variable: "MOFA_STATE_WRITE_CHECKPOINT_BYTES",
      defaultValue: DEFAULT_PACE.writeCheckpointBytes,
      description: "with how much text that waits it is stored at once, in bytes",
    },
  ),
};

/** Every setting of `mofa-state serve`. */
export const SETTINGS = {
  listen: textSetting({
    flag: "--listen <address>",
    variable: "MOFA_STATE_LISTEN",
    defaultValue: "127.0.0.1:50051",
    description: "where to listen: HOST:PORT (port 0 picks a free one) or unix:/path",
  }),
  database: textSetting({
    flag: "--database <url>",
    variable: "MOFA_STATE_DATABASE_URL",
    defaultValue: "sqlite://mofa.db",
    description: "the database: memory:, sqlite://FILE, postgres://… or mysql://…",
  }),
  migrate: switchSetting({
    flag: "--no-migrate",
    variable: "MOFA_STATE_MIGRATE",
    defaultValue: true,
    description: "refuse to start on an old schema instead of bringing it up to date",
  }),
  databasePoolSize: integerSetting(
    { min: 1, max: 1_000 },
    {
      flag: "--database-pool-size <count>",
      variable: "MOFA_STATE_DATABASE_POOL_SIZE",
      defaultValue: 10,
      description: "the most connections to PostgreSQL or MySQL",
    },
  ),
  workers: integerSetting(
    { min: 1, max: 128 },
    {
      flag: "--workers <count>",
      variable: "MOFA_STATE_WORKERS",
      defaultValue: 1,
      description: "how many processes serve together, on PostgreSQL or MySQL",
    },
  ),
  logLevel: wordSetting(["debug", "info", "warn", "error"], {
    flag: "--log-level <level>",
    variable: "MOFA_STATE_LOG_LEVEL",
    defaultValue: "info",
    description: "what to log",
  }),
  shutdownGraceMs: integerSetting(
    { min: 0, max: 3_600_000 },
    {
      flag: "--shutdown-grace-ms <ms>",
      variable: "MOFA_STATE_SHUTDOWN_GRACE_MS",
      defaultValue: 10_000,
      description: "how long calls may take to finish at shutdown, in milliseconds",
    },
  ),
  databaseNotify: switchSetting({
    flag: "--no-database-notify",
    variable: "MOFA_STATE_DATABASE_NOTIFY",
    defaultValue: true,
    description: "tell other servers of changes by polling alone, without PostgreSQL's NOTIFY",
  }),
  ...PACE_SETTINGS,
  ...LIMIT_SETTINGS,
} as const;
