import { startDatabaseServers } from "../support/database-servers.js";
import { measureBackend } from "./backend.js";
import { type BenchOptions, readOptions, USAGE } from "./options.js";
import { toJsonLine, toTableHeading, toTableLine } from "./report.js";

const EXIT_FAILURE = 1;
const EXIT_USAGE = 2;

/** Runs the benchmark, and gives its exit code. */
async function main(args: readonly string[]): Promise<number> {
  let options: BenchOptions | undefined;
  try {
    options = readOptions(args);
  } catch (error) {
    console.error(`bench: ${messageOf(error)}\n\n${USAGE}`);
    return EXIT_USAGE;
  }
  if (options === undefined) {
    console.log(USAGE);
    return 0;
  }
  try {
    await run(options);
    return 0;
  } catch (error) {
    console.error(`bench: ${messageOf(error)}`);
    return EXIT_FAILURE;
  }
}

async function run({ backends, cases, effort, json }: BenchOptions): Promise<void> {
  const servers = await startDatabaseServers(backends);
  try {
    for (const backend of backends) {
      if (!json) console.log(toTableHeading(backend));
      const figures = measureBackend({ backend, servers: servers.urls, cases, effort });
      for await (const figure of figures) {
        console.log(json ? toJsonLine(figure) : toTableLine(figure));
      }
    }
  } finally {
    await servers.close();
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

process.exitCode = await main(process.argv.slice(2));
