import { invalidArgument } from "../domain/errors.js";
import { NIL_UUID, parseUuid } from "../domain/uuid.js";
import type { HeaderFields } from "./http2/hpack/header-list.js";
import type { LazyAbort } from "./lazy-abort.js";

/** What a handler knows of a call beside its request. */
export interface CallContext {
  /** The tenant that the call acts for: a UUID in lower case. */
  readonly tenantId: string;
  /** Is aborted when the answer is no longer wanted: cancelled, past its deadline, or draining. */
  readonly signal: AbortSignal;
  /** Whether the signal is aborted: asking this makes no signal. */
  readonly aborted: boolean;
}

/** The context of a call whose signal is made when it is asked for. */
export class LazyContext implements CallContext {
  readonly tenantId: string;
  readonly #abort: LazyAbort;

  constructor(tenantId: string, abort: LazyAbort) {
    this.tenantId = tenantId;
    this.#abort = abort;
  }

  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  get aborted(): boolean {
    return this.#abort.aborted;
  }
}

const TENANT_HEADER = "x-tenant-id";

/**
 * Reads which tenant a call acts for from its headers; the nil UUID if it names none.
 *
 * @throws StateError `invalid_argument` unless `x-tenant-id` is absent or one UUID.
 */
export function readTenant(headers: HeaderFields): string {
  const value = headers[TENANT_HEADER];
  if (value === undefined) return NIL_UUID;
  // Several are joined by commas.
  const tenantId = parseUuid(value);
  if (tenantId !== undefined) return tenantId;
  throw invalidArgument([{ field: TENANT_HEADER, description: "must be one UUID" }]);
}
