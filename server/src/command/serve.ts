import { type Logger, pino } from "pino";
import { readLimits, readPace, readSetting, type SettingSources } from "../read-settings.js";
import { startServer } from "../server.js";
import { SETTINGS } from "../settings.js";

const EXIT_FAILURE = 1;

/**
 * Runs a server until the process is told to end, and returns when it has shut down.
 *
 * The log goes to standard output as JSON; the one line `listening on ADDRESS` goes to
 * standard error when the server is ready. A second signal ends the process at once. Where
 * nobody reads the output any more, the server goes on without it.
 */
export async function serve(sources: SettingSources): Promise<void> {
  // Not pino's own default, which tries for ever to write its last lines to a pipe that is closed.
  const stdout = pino.destination({ dest: 1, sync: true });
  const logger = pino({ level: readSetting(SETTINGS.logLevel, sources) }, stdout);
  exitOnDefects(logger);
  // Who reads the output may go: nobody's conversations end with that.
  process.stderr.on("error", () => {});
  const ending = endSignal();
  const server = await startServer({
    listen: readSetting(SETTINGS.listen, sources),
    database: readSetting(SETTINGS.database, sources),
    migrate: readSetting(SETTINGS.migrate, sources),
    databasePoolSize: readSetting(SETTINGS.databasePoolSize, sources),
    databaseNotify: readSetting(SETTINGS.databaseNotify, sources),
    ...readPace(sources),
    shutdownGraceMs: readSetting(SETTINGS.shutdownGraceMs, sources),
    limits: readLimits(sources),
    logger,
  });
  logger.info({ address: server.address }, "listening");
  process.stderr.write(`listening on ${server.address}\n`);

  const signal = await ending;
  logger.info({ signal }, "shutting down");
  await server.close();
  logger.info({}, "shut down");
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

/** After a defect that nobody caught, nothing that the process knows can be relied on. */
function exitOnDefects(logger: Logger): void {
  function die(error: unknown): void {
    logger.fatal({ err: error }, "the server ends because of a defect");
    process.exit(EXIT_FAILURE);
  }
  process.on("uncaughtException", die);
  process.on("unhandledRejection", die);
}
