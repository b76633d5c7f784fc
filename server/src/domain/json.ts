import type { JsonValue } from "./model.js";

/** How deep JSON text may nest, in levels of arrays and objects. */
export const MAX_JSON_DEPTH = 100;

/**
 * Tells what is wrong with JSON text, or undefined if it is sound.
 *
 * Sound is valid JSON (RFC 8259) that every reader understands alike (I-JSON, RFC 7493):
 * at most {@link MAX_JSON_DEPTH} levels, no duplicate keys, no escaped U+0000, no unpaired
 * surrogate escape, and no number that a double cannot hold: one that overflows,
 * vanishes to zero, or is an integer that would be rounded.
 */
export function findJsonProblem(text: string): string | undefined {
  try {
    JSON.parse(text);
  } catch {
    return "must be valid JSON";
  }
  return scan(text);
}

const NUMBER = /-?\d[\d.eE+-]*/y;

/** Walks text that is valid JSON, looking for what JSON.parse lets pass. */
function scan(text: string): string | undefined {
  const open: (Set<string> | undefined)[] = [];
  for (let at = 0; at < text.length; ) {
    const end = tokenEnd(text, at);
    const problem = checkToken(text, at, end, open);
    if (problem !== undefined) return problem;
    at = end;
  }
  return undefined;
}

function tokenEnd(text: string, start: number): number {
  if (text[start] === '"') return stringEnd(text, start);
  NUMBER.lastIndex = start;
  return NUMBER.test(text) ? NUMBER.lastIndex : start + 1;
}

/** Finds the end of the string that starts at a quote: behind the next quote with an even run of backslashes. */
function stringEnd(text: string, start: number): number {
  for (let quote = text.indexOf('"', start + 1); ; quote = text.indexOf('"', quote + 1)) {
    let before = quote;
    while (text[before - 1] === "\\") before--;
    if ((quote - before) % 2 === 0) return quote + 1;
  }
}

function checkToken(
  text: string,
  start: number,
  end: number,
  open: (Set<string> | undefined)[],
): string | undefined {
  const first = text.charAt(start);
  if (first === "{" || first === "[") {
    open.push(first === "{" ? new Set() : undefined);
    const tooDeep = open.length > MAX_JSON_DEPTH;
    return tooDeep ? `must not nest deeper than ${MAX_JSON_DEPTH} levels` : undefined;
  }
  if (first === "}" || first === "]") open.pop();
  if (first === '"') {
    const token = text.slice(start, end);
    return checkString(token) ?? checkKey(token, text, end, open.at(-1));
  }
  return /[-\d]/.test(first) ? checkNumber(text.slice(start, end)) : undefined;
}

function checkString(token: string): string | undefined {
  if (!token.includes("\\u")) return undefined;
  const value: unknown = JSON.parse(token);
  if (typeof value !== "string") return undefined;
  if (value.includes("\0")) return "must not contain U+0000";
  return isWellFormed(value) ? undefined : "must not contain an unpaired surrogate escape";
}

function checkKey(
  token: string,
  text: string,
  end: number,
  keys: Set<string> | undefined,
): string | undefined {
  const colon = /\s*:/y;
  colon.lastIndex = end;
  if (keys === undefined || !colon.test(text)) return undefined;
  const key = token.includes("\\") ? String(JSON.parse(token)) : token.slice(1, -1);
  if (keys.has(key)) return `must not have the key ${JSON.stringify(key.slice(0, 64))} twice`;
  keys.add(key);
  return undefined;
}

function checkNumber(token: string): string | undefined {
  const value = Number(token);
  const vanishes = value === 0 && /[1-9]/.test(token.replace(/e.*/i, ""));
  const rounds =
    Number.isFinite(value) &&
    /^-?\d{16,}$/.test(token) &&
    BigInt(token) !== BigInt(value) &&
    // JavaScript writes large doubles with zeros for the digits that it does not need.
    token !== JSON.stringify(value);
  return Number.isFinite(value) && !vanishes && !rounds
    ? undefined
    : `must not contain a number that a double cannot hold (${token.slice(0, 40)})`;
}

/** Whether text has no unpaired surrogates. */
function isWellFormed(text: string): boolean {
  return !/\p{Surrogate}/u.test(text);
}

/**
 * Writes a JSON value with the keys of every object in order of their UTF-16 code
 * units and no spaces (the sorting of RFC 8785): equal values give equal text.
 */
export function canonicalJson(value: JsonValue): string {
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  if (isArray(value)) return `[${value.map(canonicalJson).join(",")}]`;
  const entries = Object.entries(value)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, item]) => `${JSON.stringify(key)}:${canonicalJson(item)}`);
  return `{${entries.join(",")}}`;
}

function isArray(value: JsonValue): value is readonly JsonValue[] {
  return Array.isArray(value);
}

/** Reads JSON text that is known to be valid. */
export function parseJson(text: string): JsonValue {
  return JSON.parse(text) as JsonValue;
}
