import { Checks } from "../checks.js";
import type { SessionRef } from "../storage.js";
import type { ContextLimits } from "./room.js";

/** A context as a client asks for it. */
export interface ContextRequest extends ContextLimits {
  readonly sessionId: string;
}

/**
 * Checks a request.
 *
 * @throws StateError `invalid_argument` if it is malformed.
 */
export function checkContextRequest(tenantId: string, request: ContextRequest): SessionRef {
  const checks = new Checks();
  const sessionId = checks.uuid("session_id", request.sessionId);
  checks.optionalInteger("max_turns", request.maxTurns, 1);
  checks.optionalInteger("max_messages", request.maxMessages, 1);
  checks.optionalInteger("max_tokens", request.maxTokens, 1);
  checks.throwIfAny();
  return { tenantId, sessionId };
}
