/**
 * Writes a value as one line of JSON: dates as ISO 8601, bytes as base64, and control
 * characters escaped, those too that JSON would let through.
 */
export function toJsonLine(value: unknown): string {
  const json = JSON.stringify(value, bytesAsBase64);
  return `${json.replaceAll(/\p{Cc}/gu, toEscape)}\n`;
}

function bytesAsBase64(this: Readonly<Record<string, unknown>>, key: string, value: unknown) {
  // A Buffer has become an object before it gets here.
  const original = this[key];
  return original instanceof Uint8Array ? Buffer.from(original).toString("base64") : value;
}

function toEscape(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;
}
