/** What went wrong, in gRPC's words. A closed set: every code has one gRPC status. */
export type ErrorCode =
  | "invalid_argument"
  | "not_found"
  | "already_exists"
  | "aborted"
  | "failed_precondition"
  | "out_of_range"
  | "resource_exhausted"
  | "unavailable"
  | "internal";

/** Why it went wrong, for programs. A closed set, part of the API. */
export type ErrorReason =
  | "INVALID_ARGUMENT"
  | "SESSION_NOT_FOUND"
  | "SESSION_DELETED"
  | "SESSION_MISMATCH"
  | "KEY_TAKEN"
  | "ID_REUSED"
  | "MESSAGE_NOT_FOUND"
  | "MESSAGE_DELETED"
  | "STATE_NOT_FOUND"
  | "STATE_DELETED"
  | "SEQUENCE_CONFLICT"
  | "VERSION_CONFLICT"
  | "POSITION_AHEAD"
  | "OFFSET_MISMATCH"
  | "WRITER_ACTIVE"
  | "WRITER_REPLACED"
  | "WRITE_INTERRUPTED"
  | "MESSAGE_IN_PROGRESS"
  | "REQUEST_TOO_LARGE"
  | "LIMIT_EXCEEDED"
  | "SEQUENCE_EXHAUSTED"
  | "TOTAL_TOO_LARGE"
  | "CONTEXT_TOO_LARGE"
  | "SERVICE_NOT_FOUND"
  | "SCHEMA_MISMATCH"
  | "DATABASE_FULL"
  | "DATABASE_READ_ONLY"
  | "DATABASE_UNAVAILABLE"
  | "DRAINING"
  | "INTERNAL";

/** What is wrong with one field of a request. */
export interface Violation {
  /** The field's path in the request, in the API's spelling: `messages[2].role`. */
  readonly field: string;
  /** What is wrong and what would be right, as a sentence without a capital. */
  readonly description: string;
}

/** What a {@link StateError} may carry beside its message. */
export interface StateErrorOptions {
  /** Values for programs, such as `expected` and `actual`. */
  readonly metadata?: Readonly<Record<string, string>>;
  readonly violations?: readonly Violation[];
  /** How long to wait before the call is worth repeating, in milliseconds. */
  readonly retryAfterMs?: number;
  /** What caused it: logged, never sent. */
  readonly cause?: unknown;
}

/**
 * The one error of the server's rules and storage.
 *
 * Its message, reason, metadata and violations reach the client; its cause and
 * stack do not. Any other error that is thrown is a defect and reaches the client as
 * `internal` without its text.
 */
export class StateError extends Error {
  override readonly name = "StateError";
  readonly code: ErrorCode;
  readonly reason: ErrorReason;
  readonly metadata: Readonly<Record<string, string>>;
  readonly violations: readonly Violation[];
  readonly retryAfterMs: number | undefined;

  constructor(
    code: ErrorCode,
    reason: ErrorReason,
    message: string,
    options: StateErrorOptions = {},
  ) {
    super(message, "cause" in options ? { cause: options.cause } : undefined);
    this.code = code;
    this.reason = reason;
    this.metadata = options.metadata ?? {};
    this.violations = options.violations ?? [];
    this.retryAfterMs = options.retryAfterMs;
  }
}

/** The error of a request with one or more bad fields. */
export function invalidArgument(violations: readonly Violation[]): StateError {
  const [first] = violations;
  const rest = violations.length > 1 ? ` (and ${violations.length - 1} more)` : "";
  const message =
    first === undefined ? "invalid argument" : `${first.field}: ${first.description}${rest}`;
  return new StateError("invalid_argument", "INVALID_ARGUMENT", message, { violations });
}
