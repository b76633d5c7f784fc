/** What runs on the server, and how much it holds in all tenants. */
export interface ServerStatus {
  /** The server's version, for example `1.2.3`. */
  readonly version: string;
  /** The database: `memory`, `sqlite`, `postgres` or `mysql` (MariaDB included). */
  readonly backend: string;
  /** How many migrations the database's schema has had. */
  readonly schemaVersion: number;
  /** For how long this server has been running, in milliseconds. */
  readonly uptimeMs: number;
  readonly sessionCount: number;
  readonly messageCount: number;
  /** How many versions of agent state are kept. */
  readonly agentStateCount: number;
}
