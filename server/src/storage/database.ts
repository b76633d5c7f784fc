import type { DataSource, EntityManager, EntityMetadata, QueryRunner } from "typeorm";
import { StateError } from "../domain/errors.js";
import { Deadlines } from "./deadlines.js";
import type { Dialect, QueryResult, Statement } from "./dialect.js";
import type { Entities } from "./entities.js";
import { classifyFailure, toStateError, unavailable } from "./failures.js";
import { KeyedQueue, Queue } from "./queue.js";
import type { TakeRow } from "./raw-rows.js";

/** For how long a transaction that loses against others is run again, and how long it waits in between. */
const MAX_RETRY_MS = 5_000;
const FIRST_BACKOFF_MS = 5;
const MAX_BACKOFF_MS = 200;

/** How long one read or transaction may take, in milliseconds, where the database may have stopped answering. */
const OPERATION_TIMEOUT_MS = 60_000;

/** How long to wait for a free connection, in milliseconds. */
const ACQUIRE_TIMEOUT_MS = 5_000;

const COMMIT: Statement = ["COMMIT", []];

/** One connection, for as long as a read or a transaction lasts. */
export interface Connection {
  /** TypeORM's way to the entities on this connection. */
  readonly manager: EntityManager;
  readonly entities: Entities;

  /** Runs a prepared statement, with `?` for each parameter. */
  query(sql: string, parameters: readonly unknown[]): Promise<QueryResult>;

  /** Runs a prepared statement as {@link Connection.query} does, and hands over its rows as the dialect's `rawRows` says. */
  rawRows(statement: Statement, take: TakeRow): Promise<void>;
}

/** What a transaction of a group gives, and the statements that it ends with. */
interface Finish<T> {
  readonly result: T;
  readonly last: readonly Statement[];
}

interface OpenConnection extends Connection {
  /** Runs statements, see {@link Dialect.runAll}. */
  queryAll(statements: readonly Statement[]): Promise<readonly QueryResult[]>;

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
  readonly #lockQueues = new KeyedQueue();
  readonly #acquiring = new Deadlines(ACQUIRE_TIMEOUT_MS);
  readonly #operating = new Deadlines(OPERATION_TIMEOUT_MS);
  readonly #ready = new WeakSet<object>();
  /** The only connection, where there is one for all. */
  #only: OpenConnection | undefined;
  #opening: Promise<OpenConnection> | undefined;
  /** How much is under way, and what to do when nothing is any more. */
  #underWay = 0;
  #onIdle: (() => void) | undefined;
  #closing: Promise<void> | undefined;

  constructor(dataSource: DataSource, dialect: Dialect, entities: Entities) {
    this.#dataSource = dataSource;
    this.dialect = dialect;
    this.entities = entities;
  }

  /** The most connections that it has at the same time. */
  get poolSize(): number {
    return this.dialect.singleConnection ? 1 : (this.#dataSource.options.poolSize ?? 1);
  }

  /** Describes the table of an entity. */
  describe(entity: Entities[keyof Entities]): EntityMetadata {
    return this.#dataSource.getMetadata(entity);
  }

  /** Runs statements that write nothing. Each sees what is committed when it runs. */
  read<T>(work: (connection: Connection) => Promise<T>): Promise<T> {
    return this.#attempt(() => this.#withConnection(work));
  }

  /**
   * Returns if the database answers. Where all share one connection, the question does not queue
   * for that: a database that has much to do answers, too.
   */
  ping(): Promise<void> {
    return this.#track(async () => {
      try {
        await this.#withConnection((connection) => connection.query("SELECT 1", []));
      } catch (error) {
        throw toStateError(this.dialect, error);
      }
    });
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

  /**
   * Runs a transaction that begins by locking the row with the id `lockedId`.
   *
   * Those of one id queue here, so that however many wait for one lock, they hold one
   * connection of the pool and not all of them.
   */
  lockingTransaction<T>(
    lockedId: string,
    work: (connection: Connection) => Promise<T>,
  ): Promise<T> {
    return this.inTurn(lockedId, () => this.transactionInTurn(work));
  }

  /**
   * Runs `work` when it is its turn among those that lock the row with the id `lockedId`,
   * as {@link Database.lockingTransaction} does. What it does in the database goes through
   * {@link Database.transactionInTurn}.
   */
  inTurn<T>(lockedId: string, work: () => Promise<T>): Promise<T> {
    return this.#track(() => this.#lockQueues.run(lockedId, work));
  }

  /** Whether work that was given to {@link Database.inTurn} has not ended, and none has come after it. */
  isLastInTurn(lockedId: string, work: object): boolean {
    return this.#lockQueues.isLast(lockedId, work);
  }

  /** Runs a transaction of work that has its turn: also while the database is closing, which waits for it. */
  transactionInTurn<T>(work: (connection: Connection) => Promise<T>): Promise<T> {
    return this.#attemptUntilDone(() => this.#inTransaction([this.dialect.begin], work));
  }

  /**
   * Runs a transaction of work that has its turn, see {@link Database.transactionInTurn}, in
   * as few round trips as it takes: one for its beginning with a first statement, one for the
   * last statements, which `work` gives, with its end.
   */
  groupTransactionInTurn<T>(
    first: Statement,
    work: (connection: Connection, first: QueryResult) => Promise<Finish<T>>,
  ): Promise<T> {
    return this.#attemptUntilDone(() =>
      this.#withConnection((connection) =>
        orRollBack(connection, async () => {
          const [, result] = await connection.queryAll([[this.dialect.begin, []], first]);
          if (result === undefined) throw new Error("the first statement of a group gave nothing");
          const { result: outcome, last } = await work(connection, result);
          await connection.queryAll([...last, COMMIT]);
          return outcome;
        }),
      ),
    );
  }

  /**
   * Runs statements that are a transaction, of work that has its turn, in one round trip where
   * they can be sent at once.
   */
  statementsInTurn(statements: readonly Statement[]): Promise<void> {
    return this.#attemptUntilDone(() =>
      this.#withConnection((connection) =>
        orRollBack(connection, async () => {
          await connection.queryAll([[this.dialect.begin, []], ...statements, COMMIT]);
        }),
      ),
    );
  }

  /** Runs one statement that is a transaction of its own, of work that has its turn. */
  statementInTurn([sql, parameters]: Statement): Promise<QueryResult> {
    return this.#attemptUntilDone(() =>
      this.#withConnection((connection) => connection.query(sql, parameters)),
    );
  }

  /**
   * Returns unless the database is closing.
   *
   * @throws StateError `unavailable` if it is.
   */
  requireOpen(): void {
    if (this.#closing !== undefined) throw unavailable("the server is shutting down", undefined);
  }

  /** Runs `work` on a connection of TypeORM's, again if it lost against another process. */
  withQueryRunner<T>(work: (queryRunner: QueryRunner) => Promise<T>): Promise<T> {
    return this.#attempt(async () => {
      const queryRunner = this.#dataSource.createQueryRunner();
      try {
        const raw: object = await queryRunner.connect();
        if (!this.#ready.has(raw)) await this.#prepare(queryRunner, raw);
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
    if (this.#underWay > 0) await new Promise<void>((resolve) => (this.#onIdle = resolve));
    await this.#dataSource.destroy();
  }

  #attempt<T>(run: () => Promise<T>): Promise<T> {
    return this.#track(() => this.#attemptUntilDone(run));
  }

  /** Runs `work` unless the database is closing, which waits for it otherwise. */
  async #track<T>(work: () => Promise<T>): Promise<T> {
    this.requireOpen();
    this.#underWay += 1;
    try {
      return await work();
    } finally {
      this.#underWay -= 1;
      if (this.#underWay === 0) this.#onIdle?.();
    }
  }

  async #attemptUntilDone<T>(run: () => Promise<T>): Promise<T> {
    const lastStart = Date.now() + MAX_RETRY_MS;
    for (let attempt = 1; ; attempt++) {
      try {
        return await (this.dialect.singleConnection ? this.#queue.run(run) : run());
      } catch (error) {
        const lost = classifyFailure(this.dialect, error) === "conflict";
        if (!lost || Date.now() > lastStart) throw toStateError(this.dialect, error);
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
      return orRollBack(connection, async () => {
        const result = await work(connection);
        await connection.query(...COMMIT);
        return result;
      });
    });
  }

  async #withConnection<T>(work: (connection: OpenConnection) => Promise<T>): Promise<T> {
    // It answers in the call itself, and is nobody's to give back.
    if (this.dialect.singleConnection) return work(this.#only ?? (await this.#openOnly()));
    const queryRunner = this.#dataSource.createQueryRunner();
    const raw = await this.#connect(queryRunner);
    try {
      return await this.#operating.within(this.#use(queryRunner, raw, work), () =>
        this.dialect.destroy(raw),
      );
    } finally {
      await queryRunner.release();
    }
  }

  #openOnly(): Promise<OpenConnection> {
    this.#opening ??= this.#openOnlyOnce().finally(() => {
      this.#opening = undefined;
    });
    return this.#opening;
  }

  async #openOnlyOnce(): Promise<OpenConnection> {
    const queryRunner = this.#dataSource.createQueryRunner();
    const raw: object = await queryRunner.connect();
    await this.#prepare(queryRunner, raw);
    this.#only = this.#toConnection(queryRunner, raw);
    return this.#only;
  }

  async #connect(queryRunner: QueryRunner): Promise<object> {
    const connecting: Promise<object> = queryRunner.connect();
    try {
      return await this.#acquiring.within(connecting, () => {
        // One that comes too late goes back at once.
        connecting.then(() => queryRunner.release()).catch(() => undefined);
      });
    } catch (error) {
      if (error instanceof StateError) throw error;
      throw toStateError(this.dialect, error);
    }
  }

  /** Tells a connection that is new what every one is told first. */
  async #prepare(queryRunner: QueryRunner, raw: object): Promise<void> {
    for (const sql of this.dialect.connectionSettings) await queryRunner.query(sql);
    this.#ready.add(raw);
  }

  async #use<T>(
    queryRunner: QueryRunner,
    raw: object,
    work: (connection: OpenConnection) => Promise<T>,
  ): Promise<T> {
    if (!this.#ready.has(raw)) await this.#prepare(queryRunner, raw);
    return work(this.#toConnection(queryRunner, raw));
  }

  #toConnection(queryRunner: QueryRunner, raw: object): OpenConnection {
    const { dialect, entities } = this;
    return {
      manager: queryRunner.manager,
      entities,
      query: (sql, parameters) => dialect.run(raw, sql, parameters),
      queryAll: (statements) => dialect.runAll(raw, statements),
      rawRows: (statement, take) => dialect.rawRows.run(raw, statement, take),
      destroy: () => dialect.destroy(raw),
    };
  }
}

/** Runs what is in a transaction, and rolls back where it fails. */
async function orRollBack<T>(connection: OpenConnection, run: () => Promise<T>): Promise<T> {
  try {
    return await run();
  } catch (error) {
    await connection.query("ROLLBACK", []).catch(connection.destroy);
    throw error;
  }
}

function backOff(attempt: number): Promise<void> {
  const longest = Math.min(FIRST_BACKOFF_MS * 2 ** attempt, MAX_BACKOFF_MS);
  return new Promise((resolve) => setTimeout(resolve, Math.random() * longest));
}
