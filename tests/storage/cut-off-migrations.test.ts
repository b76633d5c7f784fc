import { expect, it } from "vitest";
import type { Database } from "../../server/src/storage/database.js";
import { migrateSchema } from "../../server/src/storage/migrate.js";
import { initialMigration } from "../../server/src/storage/migrations/0001-initial.js";
import { liveMigration } from "../../server/src/storage/migrations/0002-live.js";
import { usageMigration } from "../../server/src/storage/migrations/0003-usage.js";
import { contextMigration } from "../../server/src/storage/migrations/0004-context.js";
import { forksMigration } from "../../server/src/storage/migrations/0005-forks.js";
import { type Migration, migrateDatabase, openDatabase } from "../../server/src/storage/open.js";
import { describeDatabases } from "../support/databases.js";
import {
  appendOf,
  createSession,
  EVERYTHING,
  forkOf,
  newMessage,
  WIDE,
} from "./contract/samples.js";
import { openForTest } from "./contract/storage-suite.js";

/** What brings a schema to each version, from 1 on. */
const MIGRATIONS = [
  initialMigration,
  liveMigration,
  usageMigration,
  contextMigration,
  forksMigration,
];

/** More starts than a migration has definitions. */
const MOST_STARTS = 40;

const DEFINITION = /^\s*(CREATE|ALTER)\s/i;

class CutOff extends Error {}

type QueryRunner = Parameters<InstanceType<ReturnType<Migration>>["up"]>[0];

/** Gives a migration that is cut off when it has defined so much, or at its end. */
function cutOffAfter(definitions: number, migration: Migration): Migration {
  return (dialect) => {
    const Whole = migration(dialect);
    return class extends Whole {
      override async up(queryRunner: QueryRunner): Promise<void> {
        let left = definitions;
        const cut: QueryRunner = Object.create(queryRunner);
        cut.query = (sql: string, parameters?: unknown[]) => {
          const isDefinition = DEFINITION.test(sql);
          if (isDefinition && left === 0) throw new CutOff("cut off");
          if (isDefinition) left -= 1;
          return queryRunner.query(sql, parameters);
        };
        await super.up(cut);
        if (left === 0) throw new CutOff("cut off at the end");
      }
    };
  };
}

/** Runs migrations on a database, and tells whether they came to their end. */
async function migrate(url: string, migrations: readonly Migration[]): Promise<boolean> {
  const database = await openDatabase(url, 1, migrations);
  try {
    await migrateSchema(database);
    return true;
  } catch (error) {
    expect(error).toMatchObject({ message: expect.stringContaining("cut off") });
    return false;
  } finally {
    await database.close();
  }
}

/** Gives the names of all that a schema has. */
async function namesOf(url: string) {
  const database = await openDatabase(url, 1);
  try {
    return await Promise.all(tableNames(database).map((name) => describeTable(database, name)));
  } finally {
    await database.close();
  }
}

function tableNames(database: Database): readonly string[] {
  return Object.values(database.entities).map((entity) => database.describe(entity).tableName);
}

function describeTable(database: Database, name: string) {
  return database.withQueryRunner(async (queryRunner) => {
    const table = await queryRunner.getTable(name);
    const columns = (table?.columns ?? []).map((column) => column.name).sort();
    const indices = (table?.indices ?? []).map((index) => index.name).sort();
    return { name, columns, indices };
  });
}

describeDatabases(
  "a migration that is cut off",
  ({ create }) => {
    it.each([2, 3, 4, 5])(
      "to version %i is finished by one of the next starts",
      async (version) => {
        const url = await create();
        const before = MIGRATIONS.slice(0, version - 1);
        await migrate(url, before);
        const [migration = initialMigration] = MIGRATIONS.slice(version - 1);

        let starts = 1;
        for (; starts <= MOST_STARTS; starts++) {
          if (await migrate(url, [...before, cutOffAfter(starts, migration)])) break;
        }

        expect(starts).toBeGreaterThan(1);
        expect(starts).toBeLessThan(MOST_STARTS);
        await migrateDatabase(url);
        const whole = await create();
        await migrateDatabase(whole);
        expect(await namesOf(url)).toEqual(await namesOf(whole));
      },
    );

    it("to forks leaves a database that is used as any", async () => {
      const url = await create();
      const before = MIGRATIONS.slice(0, -1);
      await migrate(url, before);
      await migrate(url, [...before, cutOffAfter(5, forksMigration)]);

      const storage = await openForTest(url);

      const ref = await createSession(storage);
      const message = newMessage({ role: "system" });
      await storage.messages.append(ref, appendOf(message));
      const fork = forkOf(ref);
      await storage.sessions.fork(ref, fork);
      await storage.messages.update(ref, message.id, { content: "edited" }, undefined);
      const forked = { tenantId: ref.tenantId, sessionId: fork.id };
      const { items } = await storage.messages.readKept(forked, EVERYTHING, WIDE);
      expect(items).toMatchObject([{ id: message.id, content: message.content }]);
    });
  },
  ["sqlite", "postgres", "mariadb", "mysql"],
);
