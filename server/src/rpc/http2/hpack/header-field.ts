/** What a field counts for beyond its name and value: https://www.rfc-editor.org/rfc/rfc7541#section-4.1 */
const OVERHEAD_BYTES = 32;

/** What a field is to a request: `malformed` if none may have it. */
export type FieldKind = "pseudo" | "regular" | "malformed";

/** One field of a header list. Nobody changes it, so that many lists and the tables share it. */
export interface HeaderField {
  readonly name: string;
  readonly value: string;
  /** What it counts for in a table and in a list. */
  readonly byteLength: number;
  readonly kind: FieldKind;
}

/** What may stand in a name: no upper case, and a colon only where it is one of {@link KINDS}. */
const NAME = /^[!-9;-@[-~]+$/;

/**
 * What may not stand in a value, since it ends a line or a text elsewhere. Spaces at its ends, which
 * may not either, are let pass: what they could do is done by those who send a request on.
 */
const MALFORMED_VALUE = /[\0\r\n]/;

/** The names that have a meaning of their own. Those of one connection of HTTP/1.1 are malformed. */
const KINDS: ReadonlyMap<string, FieldKind> = new Map<string, FieldKind>([
  [":method", "pseudo"],
  [":scheme", "pseudo"],
  [":path", "pseudo"],
  [":authority", "pseudo"],
  ["connection", "malformed"],
  ["keep-alive", "malformed"],
  ["proxy-connection", "malformed"],
  ["transfer-encoding", "malformed"],
  ["upgrade", "malformed"],
]);

/**
 * Makes a field of its name and value, both in Latin-1.
 *
 * Source of what is malformed: https://www.rfc-editor.org/rfc/rfc9113#section-8.2 and section 8.3
 */
export function toHeaderField(name: string, value: string): HeaderField {
  const byteLength = name.length + value.length + OVERHEAD_BYTES;
  return { name, value, byteLength, kind: kindOf(name, value) };
}

function kindOf(name: string, value: string): FieldKind {
  if (MALFORMED_VALUE.test(value)) return "malformed";
  if (name === "te") return value.toLowerCase() === "trailers" ? "regular" : "malformed";
  return KINDS.get(name) ?? (NAME.test(name) ? "regular" : "malformed");
}
