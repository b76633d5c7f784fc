import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { delimiter, dirname, join } from "node:path";
import { promisify } from "node:util";
import type { ServerRecipe } from "./database-server.js";

const run = promisify(execFile);

// Without the services around it, which would start a server of the machine's own.
const DEBIAN_PACKAGES = ["mariadb-server-core", "mariadb-client-core"];

/** How a private MariaDB is run, from the machine's own programs. */
export const mariadbRecipe: ServerRecipe = {
  name: "mariadb",
  readyText: "ready for connections",
  stopSignal: "SIGTERM",
  killSignal: "SIGKILL",
  prepare,

  initialise: (_programs, dataDirectory) => ({
    file: findProgram("mariadb-install-db") ?? "mariadb-install-db",
    args: [
      "--no-defaults",
      `--datadir=${dataDirectory}`,
      "--auth-root-authentication-method=normal",
      "--skip-test-db",
    ],
  }),

  serve: (programs, dataDirectory, port) => ({
    file: join(programs, "mariadbd"),
    args: [
      "--no-defaults",
      `--datadir=${dataDirectory}`,
      // Where it starts, a server deletes the temporary tables of all others.
      `--tmpdir=${join(dataDirectory, "..")}`,
      `--port=${port}`,
      `--socket=${join(dataDirectory, "mariadb.sock")}`,
      `--pid-file=${join(dataDirectory, "mariadb.pid")}`,
      `--init-file=${join(dataDirectory, "..", "init.sql")}`,
      "--bind-address=127.0.0.1",
      "--skip-name-resolve",
      "--max-connections=300",
      "--max-allowed-packet=64M",
    ],
  }),

  url: (port) => `mariadb://mofa:password@127.0.0.1:${port}`,
};

async function prepare(directory: string): Promise<string> {
  // The tests' own user is one that may connect by TCP and has a password.
  const statements = [
    "CREATE USER IF NOT EXISTS 'mofa'@'%' IDENTIFIED BY 'password';",
    "GRANT ALL ON *.* TO 'mofa'@'%';",
  ];
  await writeFile(join(directory, "init.sql"), `${statements.join("\n")}\n`, { mode: 0o644 });
  const found = findProgram("mariadbd") ?? (await installPrograms());
  return dirname(found);
}

function findProgram(name: string): string | undefined {
  const path = `${process.env.PATH ?? ""}${delimiter}/usr/sbin${delimiter}/usr/local/sbin`;
  const directory = path.split(delimiter).find((entry) => existsSync(join(entry, name)));
  return directory === undefined ? undefined : join(directory, name);
}

async function installPrograms(): Promise<string> {
  const advice = "install mariadb-server, or choose other databases by DATABASES=memory,sqlite";
  if (process.getuid?.() !== 0 || !existsSync("/etc/debian_version")) {
    throw new Error(`there is no mariadbd on this machine: ${advice}`);
  }
  process.stderr.write("installing MariaDB for the tests\n");
  const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
  const install = ["install", "--yes", "--no-install-recommends", ...DEBIAN_PACKAGES];
  try {
    await run("apt-get", ["update"], { env });
    await run("apt-get", install, { env });
  } catch (error) {
    throw new Error(`MariaDB could not be installed: ${advice}`, { cause: error });
  }
  const installed = findProgram("mariadbd");
  if (installed === undefined) throw new Error(`MariaDB came without mariadbd: ${advice}`);
  return installed;
}
