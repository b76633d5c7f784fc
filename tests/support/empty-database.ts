import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type DatabaseKind, isServerKind } from "./database-kinds.js";
import type { ServerUrls } from "./database-servers.js";
import { createDatabase, dropDatabase } from "./server-databases.js";

/** A database that was empty when it was created. */
export interface EmptyDatabase {
  /** Its URL, in the form that `mofa-state` takes. */
  readonly url: string;
  /** Removes it, connected or not. */
  drop(): Promise<void>;
}

/** Creates a database of a kind, on the server of that kind where it needs one. */
export async function createEmptyDatabase(
  kind: DatabaseKind,
  servers: ServerUrls,
): Promise<EmptyDatabase> {
  if (kind === "memory") return { url: "memory:", drop: async () => {} };
  if (!isServerKind(kind)) return createFile();
  const server = servers[kind];
  if (server === undefined) throw new Error(`no ${kind} server was started`);
  const url = await createDatabase(server);
  return { url, drop: () => dropDatabase(url) };
}

async function createFile(): Promise<EmptyDatabase> {
  const directory = await mkdtemp(join(tmpdir(), "mofa-state-sqlite-"));
  return {
    url: `sqlite://${join(directory, "test.db")}`,
    drop: () => rm(directory, { recursive: true, force: true }),
  };
}
