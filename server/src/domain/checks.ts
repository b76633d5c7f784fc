import { invalidArgument, StateError, type Violation } from "./errors.js";
import { findJsonProblem } from "./json.js";
import type { JsonValue } from "./model.js";
import { parseUuid } from "./uuid.js";

/** How many bad fields are named at the most; an error has no room for more. */
const MAX_VIOLATIONS = 100;

/** How deep metadata may nest, in levels of arrays and objects. */
const MAX_METADATA_DEPTH = 32;

/**
 * Collects what is wrong with a request, so that one answer names every bad field.
 *
 * Each check gives a value to go on with even if it found something; nothing may be
 * done with it before {@link Checks.throwIfAny}.
 */
export class Checks {
  readonly #violations: Violation[] = [];
  readonly #oversized: Violation[] = [];

  /** Notes that a field is wrong. */
  add(field: string, description: string): void {
    if (this.#violations.length < MAX_VIOLATIONS) this.#violations.push({ field, description });
  }

  /** Notes that a field is over one of the server's limits. */
  tooLarge(field: string, limit: string): void {
    this.#oversized.push({ field, description: `must not exceed ${limit}` });
  }

  /** Whether a field was over one of the server's limits. */
  get hasOversized(): boolean {
    return this.#oversized.length > 0;
  }

  /**
   * Ends the checking.
   *
   * @throws StateError `invalid_argument` with everything that is wrong.
   * @throws StateError `resource_exhausted` LIMIT_EXCEEDED if fields are only too large.
   */
  throwIfAny(): void {
    if (this.#violations.length > 0) throw invalidArgument(this.#violations);
    const [first] = this.#oversized;
    if (first === undefined) return;
    const message = `${first.field}: ${first.description}`;
    const violations = this.#oversized;
    throw new StateError("resource_exhausted", "LIMIT_EXCEEDED", message, { violations });
  }

  /** Requires a UUID, and gives it in lower case. */
  uuid(field: string, text: string): string {
    const uuid = parseUuid(text);
    if (uuid === undefined) {
      this.add(
        field,
        text === "" ? "is required: a UUID" : "must be a UUID, 8-4-4-4-12 hexadecimal digits",
      );
    }
    return uuid ?? "";
  }

  /** Allows a UUID or nothing. */
  optionalUuid(field: string, text: string): string | undefined {
    return text === "" ? undefined : this.uuid(field, text);
  }

  /** Requires text of at most `maxBytes` bytes of UTF-8, without U+0000. */
  text(field: string, text: string, maxBytes = Number.POSITIVE_INFINITY): string {
    if (text.includes("\0")) this.add(field, "must not contain U+0000");
    if (Buffer.byteLength(text) > maxBytes) this.add(field, `must not exceed ${maxBytes} bytes`);
    return text;
  }

  /** Requires text of 1 to `maxBytes` bytes of UTF-8, without U+0000. */
  requiredText(field: string, text: string, maxBytes: number): string {
    if (text === "") this.add(field, "is required");
    return this.text(field, text, maxBytes);
  }

  /** Requires sound JSON text, see {@link findJsonProblem}. */
  json(field: string, text: string): void {
    const problem = findJsonProblem(text);
    if (problem !== undefined) this.add(field, problem);
  }

  /** Requires metadata that fits, with nothing in it that JSON cannot hold. */
  metadata(field: string, value: JsonValue, maxBytes: number): void {
    const problem = findMetadataProblem(value, 1);
    if (problem !== undefined) this.add(field, problem);
    else if (Buffer.byteLength(JSON.stringify(value)) > maxBytes) {
      this.tooLarge(field, `${maxBytes} bytes as JSON text`);
    }
  }

  /** Requires an integer of at least `min` that a double holds exactly. */
  integer(field: string, value: number, min: number): number {
    if (!Number.isSafeInteger(value) || value < min) {
      this.add(field, `must be an integer of at least ${min}`);
    }
    return value;
  }

  /** Allows a time in the years 1 to 9999, which is what a Timestamp may be, or nothing. */
  optionalTime(field: string, time: Date | undefined): Date | undefined {
    const year = time?.getUTCFullYear() ?? 1;
    // A time that no Date can hold has the year NaN.
    if (!(year >= 1 && year <= 9999)) this.add(field, "must be in the years 1 to 9999");
    return time;
  }

  /** Allows what {@link Checks.integer} requires, or nothing. */
  optionalInteger(field: string, value: number | undefined, min: number): number | undefined {
    return value === undefined ? undefined : this.integer(field, value, min);
  }
}

/** `level` is the one that the value is on if it is an object or an array. */
function findMetadataProblem(value: JsonValue, level: number): string | undefined {
  if (typeof value === "string") return findTextProblem(value);
  if (typeof value === "number") {
    return Number.isFinite(value) ? undefined : "must not contain NaN or an infinity";
  }
  if (typeof value !== "object" || value === null) return undefined;
  if (level > MAX_METADATA_DEPTH) return `must not nest deeper than ${MAX_METADATA_DEPTH} levels`;
  for (const [key, item] of Object.entries(value)) {
    const problem = findTextProblem(key) ?? findMetadataProblem(item, level + 1);
    if (problem !== undefined) return problem;
  }
  return undefined;
}

function findTextProblem(text: string): string | undefined {
  return text.includes("\0") ? "must not contain U+0000" : undefined;
}
