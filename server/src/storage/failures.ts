import { StateError } from "../domain/errors.js";
import type { Dialect, Failure } from "./dialect.js";

const RETRY_AFTER_MS = 1_000;

/** What drivers put on their errors. */
interface DriverError {
  readonly message?: unknown;
  readonly code?: unknown;
  readonly errno?: unknown;
  readonly fatal?: unknown;
}

/** Tells what kind of failure an error of a driver, or of TypeORM around it, is. */
export function classifyFailure(dialect: Dialect, error: unknown): Failure | undefined {
  const { message, code, errno, fatal } = driverErrorOf(error);
  const names = [errno, code].map(String);
  const found = dialect.failures.find(([, pattern]) => names.some((name) => pattern.test(name)));
  if (found !== undefined) return found[0];
  const isLost = fatal === true || dialect.lostConnection.test(`${code}: ${message}`);
  return isLost ? "unavailable" : undefined;
}

/**
 * Gives what callers of the storage are told of a failure: a StateError where the
 * database is known to have meant it so, otherwise the defect that it is.
 */
export function toStateError(dialect: Dialect, error: unknown): unknown {
  if (error instanceof StateError) return error;
  const cause = withoutData(error);
  switch (classifyFailure(dialect, error)) {
    case "conflict":
      return unavailable("the database is busy: try again", cause);
    case "unavailable":
      return unavailable("the database is unavailable: try again", cause);
    case "full":
      return new StateError(
        "resource_exhausted",
        "DATABASE_FULL",
        "the database is full: the operator has to make room",
        { cause },
      );
    case "read_only":
      return new StateError(
        "failed_precondition",
        "DATABASE_READ_ONLY",
        "the database is read-only: the operator has to let the server write to it",
        { cause },
      );
    case "too_large":
      return new StateError(
        "resource_exhausted",
        "LIMIT_EXCEEDED",
        "the request is larger than the database takes: send less at once",
        { cause },
      );
    default:
      return cause;
  }
}

/** The error of a database that cannot serve a call now. */
export function unavailable(message: string, cause: unknown): StateError {
  return new StateError("unavailable", "DATABASE_UNAVAILABLE", message, {
    retryAfterMs: RETRY_AFTER_MS,
    cause,
  });
}

/**
 * Gives a database's error without the statement and its values, which drivers and
 * TypeORM attach: they are other people's conversations, and errors are logged.
 */
function withoutData(error: unknown): unknown {
  const { code, errno } = driverErrorOf(error);
  if (code === undefined && errno === undefined) return error;
  const { message, stack = "" } = driverErrorOf(error) as Error;
  const defect = new Error(`the database refused a statement: ${message}`);
  return Object.assign(defect, { code: errno ?? code, stack: `${defect.message}\n${stack}` });
}

function driverErrorOf(error: unknown): DriverError {
  const { driverError } = error as { readonly driverError?: DriverError };
  return driverError ?? (error as DriverError);
}
