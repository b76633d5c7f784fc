/** Writes one line of the log: values for programs, and a sentence for people. */
export type LogLine = (values: object, message: string) => void;

/** Where the server writes its log. A pino logger is one. */
export interface Logger {
  readonly debug: LogLine;
  readonly info: LogLine;
  readonly warn: LogLine;
  readonly error: LogLine;
}

function discard(): void {}

/** The logger of a server that was given none: it writes nothing. */
export const SILENT_LOGGER: Logger = {
  debug: discard,
  info: discard,
  warn: discard,
  error: discard,
};
