import { createHash } from "node:crypto";
import { invalidArgument } from "./errors.js";
import { isWellFormed } from "./transport/well-formed.js";
import { toUuid } from "./uuid.js";

const NAMESPACE = Buffer.from("537e72cdbbb95f42b0b402f13c3c1d56", "hex");

/**
 * Turns a name into a UUID, for callers whose users and agents are not UUIDs. The same
 * name gives the same UUID in every process and version, other names give others.
 *
 * It is a UUID of version 5 (RFC 9562, section 5.5) of the name's UTF-8 bytes in the
 * namespace `537e72cd-bbb9-5f42-b0b4-02f13c3c1d56`, which in turn is that of the name
 * `mofa.state` in RFC 9562's namespace for DNS. It hides nothing: who knows a name can
 * tell its UUID.
 *
 * @throws StateError `invalid_argument` if the name is no Unicode text.
 *
 * @example
 * const session = await state.sessions.open({ key: "support-42", userId: stableId("ann") });
 */
export function stableId(name: string): string {
  if (typeof name !== "string" || !isWellFormed(name)) {
    throw invalidArgument("name", "must be Unicode text");
  }
  const bytes = createHash("sha1").update(NAMESPACE).update(name, "utf8").digest();
  return toUuid(bytes, 5);
}
