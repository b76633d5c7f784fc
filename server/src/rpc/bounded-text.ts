const LONE_SURROGATE = /\p{Surrogate}/gu;
const ELLIPSIS = "…";

/** Measures one character of a text in the unit of its bound. */
export type CharacterCost = (character: string) => number;

function utf8Bytes(character: string): number {
  return Buffer.byteLength(character);
}

/**
 * Cuts a text to a bound, in bytes of UTF-8 unless another cost is given.
 *
 * The result is well-formed Unicode: lone surrogates become U+FFFD, and no character is
 * cut in two. A text that was cut ends with an ellipsis.
 */
export function boundedText(text: string, bound: number, cost: CharacterCost = utf8Bytes): string {
  // No character costs less than one, so what lies behind the bound cannot fit.
  const candidate = text.slice(0, bound + 1).replace(LONE_SURROGATE, "\uFFFD");
  const room = bound - cost(ELLIPSIS);
  let used = 0;
  let cut = "";
  for (const character of candidate) {
    used += cost(character);
    if (used <= room) cut += character;
  }
  return used <= bound ? candidate : cut + ELLIPSIS;
}
