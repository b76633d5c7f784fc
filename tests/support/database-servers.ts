import { type DatabaseKind, isServerKind, type ServerKind } from "./database-kinds.js";
import { DATABASE_RECIPES } from "./database-recipes.js";
import { DatabaseServer } from "./database-server.js";

/** The URL of the server of each kind, for an administrator. */
export type ServerUrls = Readonly<Partial<Record<ServerKind, string>>>;

/** Database servers that run. */
export interface DatabaseServers {
  readonly urls: ServerUrls;
  /** Ends those that were started, and removes their data. */
  close(): Promise<void>;
}

const GIVEN_URLS: Readonly<Record<ServerKind, string>> = {
  postgres: "MOFA_STATE_TEST_POSTGRES_URL",
  mariadb: "MOFA_STATE_TEST_MARIADB_URL",
  mysql: "MOFA_STATE_TEST_MYSQL_URL",
};

/**
 * Starts the servers that these kinds of database need, beside each other.
 *
 * A server whose URL is given by a variable, such as `MOFA_STATE_TEST_MYSQL_URL`, is
 * used as it is.
 */
export async function startDatabaseServers(
  kinds: readonly DatabaseKind[],
): Promise<DatabaseServers> {
  const started: DatabaseServer[] = [];
  const close = () => closeAll(started);
  const results = await Promise.allSettled(
    kinds.filter(isServerKind).map(async (kind) => [kind, await urlOf(kind, started)] as const),
  );
  const failed = results.find((result) => result.status === "rejected");
  if (failed !== undefined) {
    await close();
    throw failed.reason;
  }
  const urls = results.flatMap((result) => (result.status === "fulfilled" ? [result.value] : []));
  return { urls: Object.fromEntries(urls), close };
}

async function urlOf(kind: ServerKind, started: DatabaseServer[]): Promise<string> {
  const given = process.env[GIVEN_URLS[kind]];
  if (given !== undefined && given !== "") return given;
  if (kind === "mysql") {
    throw new Error(`there is no MySQL to test on: set ${GIVEN_URLS.mysql}, or leave mysql out`);
  }
  const server = await DatabaseServer.start(DATABASE_RECIPES[kind]);
  started.push(server);
  return server.url;
}

async function closeAll(servers: readonly DatabaseServer[]): Promise<void> {
  await Promise.all(servers.map((server) => server.close()));
}
