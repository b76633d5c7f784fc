/** `YYYY-MM-DD HH:MM:SS.mmm`, as SQLite has times. */
const LENGTH = 23;
const DATE_LENGTH = 10;

let lastDate = "";
let lastDateMs = 0;

/**
 * Gives the time in UTC that a text `YYYY-MM-DD HH:MM:SS.mmm` says, in milliseconds since
 * 1970. Made for many texts of the same day: those are read without a parser.
 */
export function parseUtc(text: string): number {
  if (text.length !== LENGTH) return Date.parse(`${text.replace(" ", "T")}Z`);
  const date = text.slice(0, DATE_LENGTH);
  if (date !== lastDate) {
    lastDateMs = Date.parse(`${date}T00:00:00Z`);
    lastDate = date;
  }
  const minutes = twoDigits(text, 11) * 60 + twoDigits(text, 14);
  const ms = digit(text, 20) * 100 + twoDigits(text, 21);
  return lastDateMs + (minutes * 60 + twoDigits(text, 17)) * 1_000 + ms;
}

function twoDigits(text: string, at: number): number {
  return digit(text, at) * 10 + digit(text, at + 1);
}

function digit(text: string, at: number): number {
  return text.charCodeAt(at) - 48;
}
