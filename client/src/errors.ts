/** What went wrong, in gRPC's words. A closed set. */
export type ErrorCode =
  | "invalid_argument"
  | "not_found"
  | "already_exists"
  | "aborted"
  | "failed_precondition"
  | "out_of_range"
  | "resource_exhausted"
  | "unavailable"
  | "internal"
  | "cancelled"
  | "deadline_exceeded"
  | "unimplemented"
  | "unauthenticated"
  | "permission_denied"
  | "unknown";

/** What is wrong with one field of a request. */
export interface Violation {
  /** The field's path in the request, in the API's spelling: `messages[2].role`. */
  readonly field: string;
  /** What is wrong and what would be right, as a sentence without a capital. */
  readonly description: string;
}

/** What a {@link StateError} may carry beside its message. */
export interface StateErrorOptions {
  /** Why it went wrong, in UPPER_SNAKE_CASE. */
  readonly reason?: string | undefined;
  /** Values for programs, such as `expected` and `actual`. */
  readonly metadata?: Readonly<Record<string, string>> | undefined;
  readonly violations?: readonly Violation[] | undefined;
  /** How long to wait before the call is worth repeating, in milliseconds. */
  readonly retryAfterMs?: number | undefined;
  readonly cause?: unknown;
}

/** The one error that this package throws. */
export class StateError extends Error {
  override readonly name = "StateError";
  /** What went wrong. */
  readonly code: ErrorCode;
  /**
   * Why it went wrong, for programs: `SEQUENCE_CONFLICT`, `SESSION_DELETED` … as the
   * RPC's description lists them. Undefined where the server gave none, or where the
   * error arose in the client.
   */
  readonly reason: string | undefined;
  /** Values for programs, such as `expected` and `actual` of a conflict. */
  readonly metadata: Readonly<Record<string, string>>;
  /** The fields that are wrong, where the code is `invalid_argument`. */
  readonly violations: readonly Violation[];
  /** How long the server asks to wait before the call is repeated, in milliseconds. */
  readonly retryAfterMs: number | undefined;

  constructor(code: ErrorCode, message: string, options: StateErrorOptions = {}) {
    super(message, "cause" in options ? { cause: options.cause } : undefined);
    this.code = code;
    this.reason = options.reason;
    this.metadata = options.metadata ?? {};
    this.violations = options.violations ?? [];
    this.retryAfterMs = options.retryAfterMs;
  }
}

/** The error of a request with a bad field, found before anything is sent. */
export function invalidArgument(field: string, description: string): StateError {
  const violations = [{ field, description }];
  return new StateError("invalid_argument", `${field}: ${description}`, { violations });
}
