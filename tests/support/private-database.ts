import { onTestFinished } from "vitest";
import { DATABASE_RECIPES, type PrivateServerKind } from "./database-recipes.js";
import { DatabaseServer } from "./database-server.js";
import { createDatabase } from "./server-databases.js";

/** A database on a server that one test has to itself, and may stop, kill and start again. */
export interface PrivateDatabase {
  readonly url: string;
  readonly server: DatabaseServer;
}

/** Starts a database server for the present test, with an empty database; both go when it ends. */
export async function startPrivateDatabase(kind: PrivateServerKind): Promise<PrivateDatabase> {
  const server = await DatabaseServer.start(DATABASE_RECIPES[kind]);
  onTestFinished(() => server.close());
  return { url: await createDatabase(server.url), server };
}
