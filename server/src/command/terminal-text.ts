/** How text is made to stand out. */
export type Style = "bold" | "dim" | "magenta" | "cyan" | "green" | "yellow";

/** Gives a text in a style, or as it is where there is no colour. */
export type Paint = (style: Style, text: string) => string;

const ESCAPE = "\u001b[";

const STYLE_CODES: Readonly<Record<Style, readonly [on: number, off: number]>> = {
  bold: [1, 22],
  dim: [2, 22],
  magenta: [35, 39],
  cyan: [36, 39],
  green: [32, 39],
  yellow: [33, 39],
};

/** Where the pictures of U+0000 to U+001F begin. */
const PICTURES = 0x2400;
const DELETE = 0x7f;
const PICTURE_OF_DELETE = "␡";

/** Paints by the escape sequences that every terminal knows. */
export const inColour: Paint = (style, text) => {
  const [on, off] = STYLE_CODES[style];
  return `${ESCAPE}${on}m${text}${ESCAPE}${off}m`;
};

/** Paints nothing. */
export const withoutColour: Paint = (_, text) => text;

/** All control characters but line ends and tabs, and those that reverse what is written around them. */
const COMMANDS = /[^\P{Cc}\n\t]|[\u202a-\u202e\u2066-\u2069]/gu;

/**
 * Makes control characters visible, so that what others wrote can neither command the
 * terminal nor read as something else. Line ends and tabs stay.
 */
export function toVisible(text: string): string {
  return text.replaceAll(COMMANDS, toPicture);
}

/** Makes a text one line without control characters, and cuts it at `maxLength`. */
export function toOneLine(text: string, maxLength = Number.POSITIVE_INFINITY): string {
  const line = toVisible(text.replaceAll(/\s+/g, " ").trim());
  if (line.length <= maxLength) return line;
  // Half of a character at the end is left out.
  return `${line.slice(0, maxLength - 1).replace(/\p{Cs}$/u, "")}…`;
}

function toPicture(character: string): string {
  const code = character.charCodeAt(0);
  if (code < DELETE) return String.fromCharCode(PICTURES + code);
  if (code === DELETE) return PICTURE_OF_DELETE;
  const digits = code.toString(16);
  return code <= 0xff ? `\\x${digits}` : `\\u${digits}`;
}
