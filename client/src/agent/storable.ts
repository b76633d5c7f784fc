import type { JsonValue } from "../model/json.js";

const MAX_LEVELS = 100;

/**
 * Gives a text as the store takes it: U+FFFD stands in place of U+0000 and of halves of
 * surrogate pairs. One of more than `maxBytes` bytes of UTF-8 ends behind its last whole character.
 */
export function storable(text: string, maxBytes = Infinity): string {
  const bytes = Buffer.from(text.replaceAll("\0", "\ufffd"));
  if (bytes.length <= maxBytes) return bytes.toString();
  let end = maxBytes;
  while (isInCharacter(bytes[end])) end -= 1;
  return bytes.toString("utf8", 0, end);
}

/** Tells whether the store takes JSON as it is. */
export function isStorable(value: JsonValue, level = 1): boolean {
  if (typeof value === "string") return storable(value) === value;
  if (typeof value === "number") return Number.isFinite(value);
  if (typeof value !== "object" || value === null) return true;
  return (
    level <= MAX_LEVELS &&
    Object.entries(value).every(([key, item]) => isStorable(key) && isStorable(item, level + 1))
  );
}

/** Whether a byte of UTF-8 is not the first one of a character. */
function isInCharacter(byte = 0): boolean {
  return byte >> 6 === 0b10;
}
