import type { Part as ProtoPart } from "@mofa-state/proto/mofa/state/v1/message_pb.js";
import { isPlainObject } from "../convert/json.js";
import { toPart } from "../convert/part.js";
import { invalidArgument } from "../errors.js";

/**
 * Returns if no text in a value, nor a key, has U+0000. The server refuses it, and what the
 * server refuses ends the writing.
 *
 * @throws StateError `invalid_argument` naming the field.
 */
export function checkNulls(value: unknown, field: string): void {
  if (typeof value === "string") {
    if (value.includes("\0")) throw invalidArgument(field, "must not contain U+0000");
  } else if (Array.isArray(value)) {
    for (const item of value) checkNulls(item, field);
  } else if (isPlainObject(value)) {
    for (const entry of Object.entries(value)) checkNulls(entry, field);
  }
}

/**
 * Returns if nothing in a part has U+0000, nor in the JSON that it carries as text.
 *
 * @throws StateError `invalid_argument` naming the field.
 */
export function checkPartNulls(part: ProtoPart, field: string): void {
  checkNulls(toPart(part), field);
}
