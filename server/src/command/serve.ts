import { UsageError } from "../domain/usage-error.js";
import { letHeapDouble } from "../let-heap-double.js";
import { openLog } from "../process-log.js";
import { readLimits, readPace, readSetting, type SettingSources } from "../read-settings.js";
import { SETTINGS } from "../settings.js";
import type { WorkerOptions } from "../workers/worker-messages.js";

const EXIT_FAILURE = 1;

/** The databases that are for one process. */
const UNSHARED = /^(?:memory|sqlite):/;

/** What serves: this process, or workers of it. */
interface Serving {
  readonly address: string;
  close(): Promise<void>;
}

/**
 * Runs a server until the process is told to end, and returns when it has shut down.
 *
 * The log goes to standard output as JSON; the one line `listening on ADDRESS` goes to
 * standard error when the server is ready. A second signal ends the process at once.
 */
export async function serve(sources: SettingSources): Promise<void> {
  const options = readOptions(sources);
  const workers = readSetting(SETTINGS.workers, sources);
  if (workers > 1 && UNSHARED.test(options.database)) {
    const message = `--workers ${workers}: SQLite and memory: are for one process; give the URL of PostgreSQL or MySQL, or one worker`;
    throw new UsageError(message);
  }
  const logger = openLog(options.logLevel);
  const ending = endSignal();
  const { address, close } = await (workers === 1 ? serveAlone : serveInWorkers)();
  logger.info({ address, workers }, "listening");
  process.stderr.write(`listening on ${address}\n`);

  const signal = await ending;
  logger.info({ signal }, "shutting down");
  await close();
  logger.info({}, "shut down");

  async function serveAlone(): Promise<Serving> {
    letHeapDouble();
    const { startServer } = await import("../server.js");
    return startServer({ ...options, logger });
  }

  async function serveInWorkers(): Promise<Serving> {
    const { WorkerGroup } = await import("../workers/worker-group.js");
    return WorkerGroup.start(workers, options, logger);
  }
}

function readOptions(sources: SettingSources): WorkerOptions {
  return {
    logLevel: readSetting(SETTINGS.logLevel, sources),
    listen: readSetting(SETTINGS.listen, sources),
    database: readSetting(SETTINGS.database, sources),
    migrate: readSetting(SETTINGS.migrate, sources),
    databasePoolSize: readSetting(SETTINGS.databasePoolSize, sources),
    databaseNotify: readSetting(SETTINGS.databaseNotify, sources),
    ...readPace(sources),
    shutdownGraceMs: readSetting(SETTINGS.shutdownGraceMs, sources),
    limits: readLimits(sources),
  };
}

/** Waits for the first signal to end; a second one ends the process without ado. */
function endSignal(): Promise<NodeJS.Signals> {
  return new Promise((resolve) => {
    let told = false;
    function onSignal(signal: NodeJS.Signals): void {
      if (told) process.exit(EXIT_FAILURE);
      told = true;
      resolve(signal);
    }
    process.on("SIGTERM", onSignal);
    process.on("SIGINT", onSignal);
  });
}
