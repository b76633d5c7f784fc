import { type Logger, pino } from "pino";

const EXIT_FAILURE = 1;

/**
 * Opens the log of this process, which goes to standard output as JSON, and ends the process
 * after a defect that nobody caught: nothing that it knows can be relied on then.
 *
 * Where nobody reads the output any more, the process goes on without it.
 */
export function openLog(level: string): Logger {
  // Not pino's own default, which tries for ever to write its last lines to a pipe that is closed.
  const logger = pino({ level }, pino.destination({ dest: 1, sync: true }));
  // Who reads the output may go: nobody's conversations end with that.
  process.stderr.on("error", () => {});
  function die(error: unknown): void {
    logger.fatal({ err: error }, "the server ends because of a defect");
    process.exit(EXIT_FAILURE);
  }
  process.on("uncaughtException", die);
  process.on("unhandledRejection", die);
  return logger;
}
