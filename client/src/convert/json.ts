import { invalidArgument, StateError } from "../errors.js";
import type { JsonObject, JsonValue } from "../model/json.js";
import { isWellFormed } from "../transport/well-formed.js";
import { describe } from "./describe.js";

const MAX_LEVELS = 100;

/**
 * Gives a JSON value as text.
 *
 * @throws StateError `invalid_argument` like {@link checkJson}.
 */
export function toJsonText(value: JsonValue, field: string): string {
  checkJson(value, field);
  return JSON.stringify(value);
}

/**
 * Gives the JSON value of a text that the server sent.
 *
 * @throws StateError `internal` if it is not JSON.
 */
export function fromJsonText(text: string): JsonValue {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new StateError("internal", "the server's answer has text that is not JSON", { cause });
  }
}

/**
 * Returns if a value is one that JSON can carry without loss: no `undefined`, functions,
 * class instances, bigints, numbers that are not finite or text that is not Unicode, and
 * at most 100 levels.
 *
 * @throws StateError `invalid_argument` naming the place.
 */
export function checkJson(value: unknown, field: string, level = 1): void {
  if (value === null || typeof value === "boolean") return;
  if (typeof value === "string") checkText(value, field);
  else if (typeof value === "number") checkNumber(value, field);
  else if (level > MAX_LEVELS) {
    throw invalidArgument(field, `is nested deeper than ${MAX_LEVELS} levels, or in a circle`);
  } else if (Array.isArray(value)) checkArray(value, field, level);
  else if (isPlainObject(value)) checkObject(value, field, level);
  else throw invalidArgument(field, `must be a JSON value, not ${describe(value)}`);
}

function checkText(value: string, field: string): void {
  if (!isWellFormed(value)) {
    throw invalidArgument(field, "must be Unicode text: it has half of a surrogate pair");
  }
}

function checkNumber(value: number, field: string): void {
  if (!Number.isFinite(value))
    throw invalidArgument(field, `must be a finite number, not ${value}`);
}

function checkArray(value: readonly unknown[], field: string, level: number): void {
  // By index, since forEach would pass over the holes of a sparse array.
  for (let index = 0; index < value.length; index += 1) {
    checkJson(value[index], `${field}[${index}]`, level + 1);
  }
}

function checkObject(value: object, field: string, level: number): void {
  for (const [key, item] of Object.entries(value)) {
    checkText(key, `a key of ${field}`);
    checkJson(item, `${field}.${key}`, level + 1);
  }
}

/** Tells whether a value is an object that is no instance of a class. */
export function isPlainObject(value: unknown): value is JsonObject {
  if (typeof value !== "object" || value === null) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  // Object.prototype of any realm is the one whose own prototype is null.
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}
