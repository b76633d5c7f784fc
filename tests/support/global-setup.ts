import type { TestProject } from "vitest/node";
import { chosenKinds, leftOutKinds } from "./database-kinds.js";
import { type ServerUrls, startDatabaseServers } from "./database-servers.js";

declare module "vitest" {
  interface ProvidedContext {
    databaseServers: ServerUrls;
  }
}

/**
 * Starts the database servers that `DATABASES` chooses, tells the tests where they are,
 * and gives the function that ends them.
 */
export async function setup(project: TestProject): Promise<() => Promise<void>> {
  tellDatabases();
  const servers = await startDatabaseServers(chosenKinds());
  project.provide("databaseServers", servers.urls);
  return servers.close;
}

function tellDatabases(): void {
  const leftOut = leftOutKinds();
  const note = leftOut.length > 0 ? `; NOT TESTED on ${leftOut.join(", ")} (see DATABASES)` : "";
  process.stderr.write(`databases: ${chosenKinds().join(", ")}${note}\n`);
}
