import { hash } from "node:crypto";
import { canonicalJson } from "./json.js";
import type { JsonObject } from "./model.js";

const VERSION = 1;
const CHECKSUM_BYTES = 8;

/** Where the parts of a token begin that follow the version. */
const CHECKSUM_START = 1;
const PAYLOAD_START = CHECKSUM_START + CHECKSUM_BYTES;

/** What a token holds beside what it is bound to: the key of the last item it covers. */
export type TokenFields = readonly (string | number)[];

/**
 * Makes an opaque token: a version, the fields, and a checksum over them and `binding`.
 *
 * `binding` is everything that must be the same when the token comes back: which list
 * it is, of which tenant, with which arguments. A token carries no authority and keeps
 * no secret; the checksum finds edits and mix-ups.
 */
export function encodeToken(binding: JsonObject, fields: TokenFields): string {
  return tokenEncoder(binding)(fields);
}

/** Gives what makes many tokens of one binding, as {@link encodeToken} makes each. */
export function tokenEncoder(binding: JsonObject): (fields: TokenFields) => string {
  const bound = `${VERSION}${canonicalJson(binding)}`;
  return (fields) => {
    const payload = JSON.stringify(fields);
    const bytes = Buffer.allocUnsafe(PAYLOAD_START + Buffer.byteLength(payload));
    bytes[0] = VERSION;
    const checksum = hash("sha256", `${bound}${payload}`, "buffer");
    bytes.set(checksum.subarray(0, CHECKSUM_BYTES), CHECKSUM_START);
    bytes.write(payload, PAYLOAD_START);
    return bytes.toString("base64url");
  };
}

/** What the fields of a token are, in their order. A number is a whole one from 0 on. */
export type TokenShape = readonly ("string" | "number")[];

/**
 * Gives the fields of a token, or undefined if it was edited, is bound to something else
 * or has fields of another shape.
 */
export function decodeToken(
  binding: JsonObject,
  token: string,
  shape: TokenShape,
): TokenFields | undefined {
  const fields = parse(Buffer.from(token, "base64url").toString("utf8", PAYLOAD_START));
  if (!hasShape(fields, shape)) return undefined;
  // The checksum tells, and what decoding overlooks, such as stray characters, is seen as well.
  return encodeToken(binding, fields) === token ? fields : undefined;
}

/** What a token holds may be anything: the checksum has no secret. */
function parse(payload: string): unknown {
  try {
    return JSON.parse(payload);
  } catch {
    return undefined;
  }
}

function hasShape(fields: unknown, shape: TokenShape): fields is TokenFields {
  if (!Array.isArray(fields) || fields.length !== shape.length) return false;
  return fields.every((field: unknown, index) => {
    if (typeof field !== shape[index]) return false;
    return typeof field === "string" || (Number.isSafeInteger(field) && Number(field) >= 0);
  });
}
