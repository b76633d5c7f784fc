import { setImmediate } from "node:timers/promises";
import { expect, it, onTestFinished } from "vitest";
import type { Connection, Database } from "../../server/src/storage/database.js";
import type { Statement } from "../../server/src/storage/dialect.js";
import { openDatabase } from "../../server/src/storage/open.js";
import { describeDatabases, type TestDatabase } from "../support/databases.js";
import { deferred } from "../support/deferred.js";
import { runSql } from "../support/run-sql.js";

const CONNECTIONS = 3;

async function openForTest(url: string): Promise<Database> {
  const database = await openDatabase(url, CONNECTIONS);
  onTestFinished(() => database.close());
  return database;
}

/** Opens an empty database with one table for numbers. */
async function openWithTable(empty: TestDatabase): Promise<Database> {
  const database = await openForTest(await empty.create());
  await database.transaction(({ query }) => query("CREATE TABLE numbers (n INTEGER)", []));
  return database;
}

function insert({ query }: Connection, n: number): Promise<unknown> {
  return query("INSERT INTO numbers (n) VALUES (?)", [n]);
}

async function numbersIn({ query }: Connection): Promise<readonly number[]> {
  const { rows } = await query("SELECT n FROM numbers ORDER BY n", []);
  return rows.map(({ n }) => Number(n));
}

/** A transaction that has inserted a number and stays open until it is told to end. */
interface HeldTransaction {
  /** Ends it, and waits until it has ended. */
  rollBack(): Promise<void>;
  commit(): Promise<void>;
}

async function holdInsert(database: Database, n: number): Promise<HeldTransaction> {
  const { promise: inserted, resolve: sayInserted } = deferred<void>();
  const { promise: end, resolve: endBy } = deferred<() => void>();
  const transaction = database.transaction(async (connection) => {
    await insert(connection, n);
    sayInserted();
    (await end)();
  });
  await inserted;
  return {
    async rollBack() {
      endBy(() => {
        throw new Error("rolled back by the test");
      });
      await expect(transaction).rejects.toThrow("rolled back by the test");
    },
    async commit() {
      endBy(() => {});
      await transaction;
    },
  };
}

/**
 * Lets work go as far as it gets beside an open transaction: to its end where the two
 * have a connection each, otherwise until it could have run if nothing held it up.
 */
async function letRun(database: Database, work: Promise<unknown>): Promise<void> {
  if (!database.dialect.singleConnection) await work;
  else for (let turn = 0; turn < 20; turn++) await setImmediate();
}

/** What a query gives on each of the database's connections, while all are in use. */
async function onEachConnection(database: Database, sql: string): Promise<readonly unknown[]> {
  const count = database.dialect.singleConnection ? 1 : CONNECTIONS;
  const { promise: allThere, resolve: sayAllThere } = deferred<void>();
  let there = 0;
  const results = Array.from({ length: count }, () =>
    database.transaction(async ({ query }) => {
      there += 1;
      if (there === count) sayAllThere();
      await allThere;
      return (await query(sql, [])).rows[0];
    }),
  );
  return (await Promise.all(results)).map((row) => Object.values(row ?? {}).at(-1));
}

describeDatabases("a database", (empty) => {
  it("ends a transaction of a group with the statements that it gives, or with none of them", async () => {
    const database = await openWithTable(empty);
    const insertOf = (n: number): Statement => ["INSERT INTO numbers (n) VALUES (?)", [n]];
    const run = (last: readonly Statement[]) =>
      database.groupTransactionInTurn(
        ["SELECT COUNT(*) AS count FROM numbers", []],
        async (connection, { rows }) => {
          await insert(connection, 10);
          return { result: Number(rows[0]?.count), last };
        },
      );
    const broken: Statement = ["INSERT INTO no_such_table (n) VALUES (?)", [1]];

    await expect(run([insertOf(1), broken, insertOf(2)])).rejects.toThrow();
    await expect(run([insertOf(3), insertOf(4)])).resolves.toBe(0);
    await expect(run([])).resolves.toBe(3);

    expect(await database.read(numbersIn)).toEqual([3, 4, 10, 10]);
  });

  it("takes text for text, however statements are sent", async () => {
    const database = await openForTest(await empty.create());
    const texts = [
      "it's",
      'say "hi"',
      "a\\'; DROP TABLE texts; --",
      "?",
      "😀\n\0".slice(0, 3),
      "%_",
    ];
    await database.transaction(({ query }) =>
      query(`CREATE TABLE texts (t ${database.dialect.kinds.text.sql})`, []),
    );

    await database.groupTransactionInTurn(["SELECT 1 AS one", []], async () => ({
      result: undefined,
      last: texts.map((text): Statement => ["INSERT INTO texts (t) VALUES (?)", [text]]),
    }));

    const { rows } = await database.read(({ query }) => query("SELECT t FROM texts", []));
    expect(rows.map(({ t }) => t).sort()).toEqual([...texts].sort());
  });

  it.each(["read", "snapshot"] as const)(
    "shows a %s nothing that another transaction has not committed",
    async (kind) => {
      const database = await openWithTable(empty);
      const held = await holdInsert(database, 1);

      const read = database[kind](numbersIn);
      await letRun(database, read);
      await held.rollBack();

      expect(await read).toEqual([]);
    },
  );

  it("keeps what a transaction commits while its neighbour rolls back", async () => {
    const database = await openWithTable(empty);
    const held = await holdInsert(database, 1);

    const neighbour = database.transaction((connection) => insert(connection, 2));
    await letRun(database, neighbour);
    await held.rollBack();
    await neighbour;

    expect(await database.read(numbersIn)).toEqual([2]);
  });

  it("rolls back what a transaction wrote while its neighbour commits", async () => {
    const database = await openWithTable(empty);
    const held = await holdInsert(database, 1);

    const neighbour = database.transaction(async (connection) => {
      await insert(connection, 2);
      throw new Error("the neighbour fails");
    });
    const failed = expect(neighbour).rejects.toThrow("the neighbour fails");
    await letRun(database, failed);
    await held.commit();
    await failed;

    expect(await database.read(numbersIn)).toEqual([1]);
  });

  it("shows a transaction what others have committed since it began", async () => {
    const database = await openWithTable(empty);
    const { promise: begun, resolve: sayBegun } = deferred<void>();
    const { promise: go, resolve: letGo } = deferred<void>();

    const reading = database.transaction(async (connection) => {
      const before = await numbersIn(connection);
      sayBegun();
      await go;
      return { before, after: await numbersIn(connection) };
    });
    await begun;
    const writing = database.transaction((connection) => insert(connection, 1));
    await letRun(database, writing);
    letGo();

    const after = database.dialect.singleConnection ? [] : [1];
    expect(await reading).toEqual({ before: [], after });
    await writing;
    expect(await database.read(numbersIn)).toEqual([1]);
  });

  it("answers while others are at work", async () => {
    const database = await openWithTable(empty);
    const held = await holdInsert(database, 1);
    const queued = database.read(numbersIn);

    await expect(database.ping()).resolves.toBeUndefined();

    await held.commit();
    await queued;
  });

  it("finishes what came before it is closed, and refuses what comes after", async () => {
    const database = await openWithTable(empty);
    const before = database.transaction((connection) => insert(connection, 1));

    await Promise.all([before, database.close()]);

    await expect(database.read(numbersIn)).rejects.toMatchObject({ code: "unavailable" });
  });

  if (empty.kind === "sqlite") {
    it("syncs fully after a write, too", async () => {
      const database = await openWithTable(empty);
      await database.transaction((connection) => insert(connection, 1));

      expect(await onEachConnection(database, "SELECT * FROM pragma_synchronous")).toEqual([2]);
      expect(await onEachConnection(database, "SELECT * FROM pragma_journal_mode")).toEqual([
        "wal",
      ]);
    });
  }

  if (empty.kind === "postgres") {
    it("commits to disk and reads what is committed, whatever the database's defaults", async () => {
      const url = await empty.create();
      const name = new URL(url).pathname.slice(1);
      await runSql(url, `ALTER DATABASE ${name} SET synchronous_commit = off`);
      await runSql(url, `ALTER DATABASE ${name} SET default_transaction_isolation = serializable`);

      const database = await openForTest(url);

      expect(await onEachConnection(database, "SHOW synchronous_commit")).toEqual(
        Array(CONNECTIONS).fill("on"),
      );
      expect(await onEachConnection(database, "SHOW transaction_isolation")).toEqual(
        Array(CONNECTIONS).fill("read committed"),
      );
    });
  }

  if (empty.kind === "mariadb" || empty.kind === "mysql") {
    it("reads what is committed, on every connection, after a snapshot too", async () => {
      const database = await openForTest(await empty.create());
      const isolation =
        "SHOW VARIABLES WHERE Variable_name IN ('tx_isolation', 'transaction_isolation')";
      await Promise.all(
        Array.from({ length: CONNECTIONS }, () =>
          database.snapshot(({ query }) => query(isolation, [])),
        ),
      );

      expect(await onEachConnection(database, isolation)).toEqual(
        Array(CONNECTIONS).fill("READ-COMMITTED"),
      );
    });
  }
});
