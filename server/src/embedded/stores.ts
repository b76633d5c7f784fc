import type { State } from "@mofa-state/client";
import { connectToEmbedded, type StoreOptions } from "./embedded-store.js";

/**
 * A store in this process's memory: everything is lost when it is closed.
 *
 * @example
 * await using store = await MemoryStore.connect();
 */
export const MemoryStore = {
  /** Starts a server in this process, and gives a client of it, which ends it when it is closed. */
  connect(options: StoreOptions = {}): Promise<State> {
    return connectToEmbedded("memory:", ["memory:"], options);
  },
};

/**
 * A store in a SQLite file, for one process.
 *
 * @example
 * await using store = await SqliteStore.connect("sqlite://mofa.db");
 */
export const SqliteStore = {
  /**
   * Starts a server in this process, and gives a client of it, which ends it when it is closed.
   *
   * @throws UsageError if the URL does not begin with `sqlite:`.
   * @throws StateError if the file cannot be used.
   */
  connect(url: string, options: StoreOptions = {}): Promise<State> {
    return connectToEmbedded(url, ["sqlite:"], options);
  },
};

/**
 * A store in PostgreSQL, which any number of processes may share.
 *
 * @example
 * await using store = await PostgresStore.connect("postgres://user:password@localhost/mofa");
 */
export const PostgresStore = {
  /**
   * Starts a server in this process, and gives a client of it, which ends it when it is closed.
   *
   * @throws UsageError if the URL does not begin with `postgres:` or `postgresql:`.
   * @throws StateError if the database cannot be used.
   */
  connect(url: string, options: StoreOptions = {}): Promise<State> {
    return connectToEmbedded(url, ["postgres:", "postgresql:"], options);
  },
};

/**
 * A store in MySQL or MariaDB, which any number of processes may share.
 *
 * @example
 * await using store = await MySqlStore.connect("mysql://user:password@localhost/mofa");
 */
export const MySqlStore = {
  /**
   * Starts a server in this process, and gives a client of it, which ends it when it is closed.
   *
   * @throws UsageError if the URL does not begin with `mysql:` or `mariadb:`.
   * @throws StateError if the database cannot be used.
   */
  connect(url: string, options: StoreOptions = {}): Promise<State> {
    return connectToEmbedded(url, ["mysql:", "mariadb:"], options);
  },
};
