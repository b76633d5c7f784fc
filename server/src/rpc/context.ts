import type { Metadata } from "@grpc/grpc-js";
import { invalidArgument } from "../domain/errors.js";

/** What a handler knows of a call beside its request. */
export interface CallContext {
  /** The tenant that the call acts for: a UUID in lower case. */
  readonly tenantId: string;
  /** Is aborted when the answer is no longer wanted: cancelled, past its deadline, or draining. */
  readonly signal: AbortSignal;
}

/** The tenant of calls that name none: the nil UUID. */
export const NIL_TENANT = "00000000-0000-0000-0000-000000000000";

const TENANT_HEADER = "x-tenant-id";
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

/**
 * Reads which tenant a call acts for from its metadata.
 *
 * @throws StateError `invalid_argument` unless `x-tenant-id` is absent or one UUID.
 */
export function readTenant(metadata: Metadata): string {
  const [value, ...others] = metadata.get(TENANT_HEADER);
  if (value === undefined) return NIL_TENANT;
  if (others.length > 0 || typeof value !== "string" || !UUID.test(value)) {
    throw invalidArgument([{ field: TENANT_HEADER, description: "must be one UUID" }]);
  }
  return value.toLowerCase();
}
