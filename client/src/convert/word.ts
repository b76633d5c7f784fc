import { invalidArgument, StateError } from "../errors.js";
import { describe } from "./describe.js";

/** Gives the words of an enum of the API by their numbers. */
export function invert<W extends string>(
  values: Readonly<Record<W, number>>,
): ReadonlyMap<number, W>;
export function invert(values: Readonly<Record<string, number>>): ReadonlyMap<number, string> {
  return new Map(Object.entries(values).map(([word, value]) => [value, word]));
}

/**
 * Gives a word as the enum of the API has it; `path` is its field.
 *
 * @throws StateError `invalid_argument` if it is none of the words.
 */
export function fromWord<W extends string, V extends number>(
  values: Readonly<Record<W, V>>,
  word: W,
  path: string,
): V {
  if (typeof word === "string" && Object.hasOwn(values, word)) return values[word];
  const words = Object.keys(values).join(", ");
  throw invalidArgument(path, `must be one of ${words}, not ${describe(word)}`);
}

/**
 * Gives the word of a value that the server sent.
 *
 * @throws StateError `internal` if it has none.
 */
export function toWord<W extends string>(
  words: ReadonlyMap<number, W>,
  value: number,
  name: string,
): W {
  const word = words.get(value);
  if (word !== undefined) return word;
  const message = `the server's answer has an unknown ${name}, ${value}: use a newer client`;
  throw new StateError("internal", message);
}
