import { invalidArgument } from "../errors.js";
import { describe } from "./describe.js";

/**
 * Gives what must be an object.
 *
 * @throws StateError `invalid_argument` naming the field, if the caller's is none.
 */
export function toObject<T extends object>(value: T, field: string): T {
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return value;
  throw invalidArgument(field, `must be an object, not ${describe(value)}`);
}

/**
 * Gives what must be a list; `undefined` is an empty one.
 *
 * @throws StateError `invalid_argument` naming the field, if the caller's is none.
 */
export function toList<T>(value: readonly T[] | undefined, field: string): readonly T[] {
  if (value === undefined) return [];
  if (Array.isArray(value)) return Array.from(value);
  throw invalidArgument(field, `must be a list, not ${describe(value)}`);
}
