import type { DataSource, EntityManager, EntityMetadata, QueryRunner } from "typeorm";
import { StateError } from "../domain/errors.js";
import { classifyFailure, type Dialect, type QueryResult } from "./dialect.js";
import type { Entities } from "./entities.js";
import { Queue } from "./queue.js";

/** For how long a transaction that loses against others is run again, and how long it waits in between. */
const MAX_RETRY_MS = 5_000;
const FIRST_BACKOFF_MS = 5;
const MAX_BACKOFF_MS = 200;

/** How long one read or transaction may take, in milliseconds, where the database may have stopped answering. */
const OPERATION_TIMEOUT_MS = 60_000;

/** How long to wait for a free connection, in milliseconds. */
const ACQUIRE_TIMEOUT_MS = 5_000;

const RETRY_AFTER_MS = 1_000;

/** One connection, for as long as a read or a transaction lasts. */
export interface Connection {
  /** TypeORM's way to the entities on this connection. */
  readonly manager: EntityManager;
  readonly entities: Entities;

  /** Runs a prepared statement, with `?` for each parameter. */
  query(sql: string, parameters: readonly unknown[]): Promise<QueryResult>;
}

interface OpenConnection extends Connection {
  /** Ends the connection, so that nobody gets it again. */
  destroy(): void;
}

/**
 * A database behind TypeORM: gives reads and transactions a connection each, and turns
 * its failures into StateErrors.
 *
 * Where all statements share one connection (SQLite), reads and transactions queue, so
 * that none sees or undoes what another has not committed yet.
 */
export class Database {
  readonly dialect: Dialect;
  readonly entities: Entities;
  readonly #dataSource: DataSource;
  readonly #queue = new Queue();
  readonly #ready = new WeakSet<object>();
  readonly #underWay = new Set<Promise<unknown>>();
  #closing: Promise<void> | undefined;

  constructor(dataSource: DataSource, dialect: Dialect, entities: Entities) {
    this.#dataSource = dataSource;
    this.dialect = dialect;
    this.entities = entities;
  }

  /** Describes the table of an entity. */
  describe(entity: Entities[keyof Entities]): EntityMetadata {
    return this.#dataSource.getMetadata(entity);
  }

  /** Runs statements that write nothing. Each sees what is committed when it runs. */
  read<T>(work: (connection: Connection) => Promise<T>): Promise<T> {
    return this.#attempt(() => this.#withConnection(work));
  }

  /** Runs statements that write nothing, and all see the same snapshot. */
  snapshot<T>(work: (connection: Connection) => Promise<T>): Promise<T> {
    return this.#attempt(() => this.#inTransaction(this.dialect.beginSnapshot, work));
  }

  /**
   * Runs statements as one transaction, again if it lost against another one: `work` must
   * do nothing but database work.
   */
  transaction<T>(work: (connection: Connection) => Promise<T>): Promise<T> {
    return this.#attempt(() => this.#inTransaction([this.dialect.begin], work));
  }

  /** Runs `work` on a connection of TypeORM's, again if it lost against another process. */
  withQueryRunner<T>(work: (queryRunner: QueryRunner) => Promise<T>): Promise<T> {
    return this.#attempt(async () => {
      const queryRunner = this.#dataSource.createQueryRunner();
      try {
        return await work(queryRunner);
      } finally {
        await queryRunner.release();
      }
    });
  }

  /** Whether an error says that a unique key was taken. */
  isUniqueViolation(error: unknown): boolean {
    return classifyFailure(this.dialect, error) === "unique";
  }

  /** Waits for what is under way, and closes the connections. */
  close(): Promise<void> {
    this.#closing ??= this.#closeWhenIdle();
    return this.#closing;
  }

  async #closeWhenIdle(): Promise<void> {
    // The drivers' pools would leave those who wait for a connection without one.
    await Promise.allSettled(this.#underWay);
    await this.#dataSource.destroy();
  }

  async #attempt<T>(run: () => Promise<T>): Promise<T> {
    if (this.#closing !== undefined) throw unavailable("the server is shutting down", undefined);
    const attempts = this.#attemptUntilDone(run);
    this.#underWay.add(attempts);
    try {
      return await attempts;
    } finally {
      this.#underWay.delete(attempts);
    }
  }

  async #attemptUntilDone<T>(run: () => Promise<T>): Promise<T> {
    const lastStart = Date.now() + MAX_RETRY_MS;
    for (let attempt = 1; ; attempt++) {
      try {
        return await (this.dialect.singleConnection ? this.#queue.run(run) : run());
      } catch (error) {
        const lost = classifyFailure(this.dialect, error) === "conflict";
        if (!lost || Date.now() > lastStart) throw this.#translate(error);
        await backOff(attempt);
      }
    }
  }

  #inTransaction<T>(
    begin: readonly string[],
    work: (connection: Connection) => Promise<T>,
  ): Promise<T> {
    return this.#withConnection(async (connection) => {
      for (const sql of begin) await connection.query(sql, []);
      try {
        const result = await work(connection);
        await connection.query("COMMIT", []);
        return result;
      } catch (error) {
        await connection.query("ROLLBACK", []).catch(connection.destroy);
        throw error;
      }
    });
  }

  async #withConnection<T>(work: (connection: OpenConnection) => Promise<T>): Promise<T> {
    const queryRunner = this.#dataSource.createQueryRunner();
    const raw = await this.#connect(queryRunner);
    try {
      return await within(OPERATION_TIMEOUT_MS, this.#use(queryRunner, raw, work), () =>
        this.dialect.destroy(raw),
      );
    } finally {
      await queryRunner.release();
    }
  }

  async #connect(queryRunner: QueryRunner): Promise<object> {
    const connecting: Promise<object> = queryRunner.connect();
    try {
      return await within(ACQUIRE_TIMEOUT_MS, connecting, () => {
        // One that comes too late goes back at once.
        connecting.then(() => queryRunner.release()).catch(() => undefined);
      });
    } catch (error) {
      if (error instanceof StateError) throw error;
      throw this.#translate(error);
    }
  }

  async #use<T>(
    queryRunner: QueryRunner,
    raw: object,
    work: (connection: OpenConnection) => Promise<T>,
  ): Promise<T> {
    const { dialect, entities } = this;
    if (!this.#ready.has(raw)) {
      for (const sql of dialect.connectionSettings) await queryRunner.query(sql);
      this.#ready.add(raw);
    }
    return work({
      manager: queryRunner.manager,
      entities,
      query: (sql, parameters) => dialect.run(raw, sql, parameters),
      destroy: () => dialect.destroy(raw),
    });
  }

  #translate(error: unknown): unknown {
    if (error instanceof StateError) return error;
    switch (classifyFailure(this.dialect, error)) {
      case "conflict":
        return unavailable("the database is busy: try again", error);
      case "unavailable":
        return unavailable("the database is unavailable: try again", error);
      case "full":
        return new StateError(
          "resource_exhausted",
          "DATABASE_FULL",
          "the database is full: the operator has to make room",
          { cause: error },
        );
      case "read_only":
        return new StateError(
          "failed_precondition",
          "DATABASE_READ_ONLY",
          "the database is read-only: the operator has to let the server write to it",
          { cause: error },
        );
      case "too_large":
        return new StateError(
          "resource_exhausted",
          "LIMIT_EXCEEDED",
          "the request is larger than the database takes: send less at once",
          { cause: error },
        );
      default:
        return withoutData(error);
    }
  }
}

/**
 * Gives a database's error without the statement and its values, which drivers and
 * TypeORM attach: they are other people's conversations, and errors are logged.
 */
function withoutData(error: unknown): unknown {
  const { driverError, code, errno } = error as Readonly<Record<string, unknown>>;
  if (driverError === undefined && code === undefined && errno === undefined) return error;
  const { message, stack = "" } = (driverError ?? error) as Error;
  const defect = new Error(`the database refused a statement: ${message}`);
  return Object.assign(defect, { code: errno ?? code, stack: `${defect.message}\n${stack}` });
}

function unavailable(message: string, cause: unknown): StateError {
  return new StateError("unavailable", "DATABASE_UNAVAILABLE", message, {
    retryAfterMs: RETRY_AFTER_MS,
    cause,
  });
}

/** Gives a promise's outcome, or after `ms` milliseconds calls `onTimeout` and throws `unavailable`. */
async function within<T>(ms: number, promise: Promise<T>, onTimeout: () => void): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const timeout = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      onTimeout();
      reject(unavailable("the database does not answer: try again", undefined));
    }, ms);
  });
  try {
    return await Promise.race([promise, timeout]);
  } finally {
    clearTimeout(timer);
  }
}

function backOff(attempt: number): Promise<void> {
  const longest = Math.min(FIRST_BACKOFF_MS * 2 ** attempt, MAX_BACKOFF_MS);
  return new Promise((resolve) => setTimeout(resolve, Math.random() * longest));
}
