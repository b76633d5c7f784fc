import { afterAll, describe, inject, onTestFinished, TestRunner } from "vitest";
import { chosenKinds, type DatabaseKind } from "./database-kinds.js";
import { createEmptyDatabase, type EmptyDatabase } from "./empty-database.js";

/** A database that a suite runs on. */
export interface TestDatabase {
  readonly kind: DatabaseKind;

  /**
   * Creates an empty database and gives its URL, in the form that the server takes.
   *
   * It is dropped when the test that created it ends, after everything that the test
   * closes by `onTestFinished` later on; created in `beforeAll`, when the suite ends.
   */
  create(): Promise<string>;
}

/**
 * Runs a suite on each database that `DATABASES` chooses, and that is of one of `kinds`
 * where the suite is not for all of them; their kind is in its name.
 */
export function describeDatabases(
  name: string,
  suite: (database: TestDatabase) => void,
  kinds: readonly DatabaseKind[] = chosenKinds(),
): void {
  const chosen = chosenKinds().filter((kind) => kinds.includes(kind));
  // A file without any suite counts as a failure.
  if (chosen.length === 0) describe.todo(`${name} on ${kinds.join(", ")}`);
  for (const kind of chosen) {
    describe(`${name} on ${kind}`, () => {
      const leftovers: EmptyDatabase[] = [];
      afterAll(async () => {
        for (const { drop } of leftovers.reverse()) await drop();
      });
      suite({ kind, create: () => createFor(kind, leftovers) });
    });
  }
}

async function createFor(kind: DatabaseKind, leftovers: EmptyDatabase[]): Promise<string> {
  const created = await createEmptyDatabase(kind, inject("databaseServers"));
  if (TestRunner.getCurrentTest() === undefined) leftovers.push(created);
  else onTestFinished(created.drop);
  return created.url;
}
