import { hash } from "node:crypto";
import { canonicalJson } from "./json.js";
import type { JsonObject } from "./model.js";

const VERSION = 1;
const CHECKSUM_BYTES = 8;

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
  const bound = toBytes(binding);
  return (fields) => {
    const payload = Buffer.from(JSON.stringify(fields));
    const parts = [Buffer.of(VERSION), checksum(bound, payload), payload];
    return Buffer.concat(parts).toString("base64url");
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
  const bytes = Buffer.from(token, "base64url");
  const payload = bytes.subarray(1 + CHECKSUM_BYTES);
  // Decoding overlooks stray characters, so the token must also be what encoding gives.
  if (bytes[0] !== VERSION || bytes.toString("base64url") !== token) return undefined;
  const expected = checksum(toBytes(binding), payload);
  if (!expected.equals(bytes.subarray(1, 1 + CHECKSUM_BYTES))) return undefined;
  const fields = parse(payload);
  return hasShape(fields, shape) ? fields : undefined;
}

/** The checksum has no secret: somebody may have made the token who made a mistake. */
function parse(payload: Buffer): unknown {
  try {
    return JSON.parse(payload.toString());
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

function toBytes(binding: JsonObject): Buffer {
  return Buffer.from(`${VERSION}${canonicalJson(binding)}`);
}

function checksum(bound: Buffer, payload: Buffer): Buffer {
  return hash("sha256", Buffer.concat([bound, payload]), "buffer").subarray(0, CHECKSUM_BYTES);
}
