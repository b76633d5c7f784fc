import { onTestFinished, vi } from "vitest";
import type { Dialect } from "../../server/src/storage/dialect.js";
import { mysql } from "../../server/src/storage/mysql-dialect.js";
import { postgres } from "../../server/src/storage/postgres-dialect.js";
import { memory, sqlite } from "../../server/src/storage/sqlite-dialect.js";
import type { DatabaseKind } from "../support/database-kinds.js";

/** How the databases of the tests are talked to. */
export const DIALECTS: Readonly<Record<DatabaseKind, Dialect>> = {
  ...{ memory, sqlite, postgres },
  ...{ mariadb: mysql, mysql },
};

/** What was sent to databases. */
export interface SentCounts {
  /** Statements that were sent alone. */
  readonly alone: number;
  /** How many times several were sent at once. */
  readonly together: number;
  /** Statements that read many rows, sent alone. */
  readonly raw: number;
}

/** Counts from now on what is sent to the databases of a dialect, until the test is finished. */
export function countSent(dialect: Dialect) {
  const spies = {
    alone: vi.spyOn(dialect, "run"),
    together: vi.spyOn(dialect, "runAll"),
    raw: vi.spyOn(dialect.rawRows, "run"),
  };
  onTestFinished(() => {
    for (const spy of Object.values(spies)) spy.mockRestore();
  });
  return {
    /** Gives what was sent since it was last asked. */
    take(): SentCounts {
      const counts = Object.entries(spies).map(([name, { mock }]) => [name, mock.calls.length]);
      for (const spy of Object.values(spies)) spy.mockClear();
      return Object.fromEntries(counts);
    },
  };
}
