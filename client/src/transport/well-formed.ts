import { type DescField, type DescMessage, type Message, ScalarType } from "@bufbuild/protobuf";
import { isReflectMessage, type ReflectMessage, reflect } from "@bufbuild/protobuf/reflect";
import { invalidArgument } from "../errors.js";

/** Tells whether a text is Unicode: without half of a surrogate pair. */
export function isWellFormed(text: string): boolean {
  return !/\p{Surrogate}/u.test(text);
}

/**
 * Returns if all texts of a request are Unicode: encoding would replace half of a
 * surrogate pair silently.
 *
 * @throws StateError `invalid_argument` naming the field.
 */
export function checkTexts(schema: DescMessage, message: Message): void {
  checkMessage(reflect(schema, message, false), "");
}

function checkMessage(message: ReflectMessage, path: string): void {
  for (const field of message.fields) {
    if (message.isSet(field)) checkField(message, field, `${path}${field.name}`);
  }
}

function checkField(message: ReflectMessage, field: DescField, path: string): void {
  if (field.fieldKind === "scalar") {
    if (field.scalar === ScalarType.STRING) checkString(message.get(field), path);
  } else if (field.fieldKind === "message") {
    checkMessage(message.get(field), `${path}.`);
  } else if (field.fieldKind === "list" && field.listKind !== "enum") {
    checkItems(message.get(field), path);
  } else if (field.fieldKind === "map") {
    for (const [key, item] of message.get(field)) checkItems([key, item], `${path}.${key}`);
  }
}

function checkItems(items: Iterable<unknown>, path: string): void {
  let index = 0;
  for (const item of items) {
    if (typeof item === "string") checkString(item, `${path}[${index}]`);
    else if (isReflectMessage(item)) checkMessage(item, `${path}[${index}].`);
    index += 1;
  }
}

function checkString(value: unknown, path: string): void {
  if (typeof value !== "string")
    throw invalidArgument(path, `must be a string, not ${typeof value}`);
  if (!isWellFormed(value)) {
    throw invalidArgument(path, "must be Unicode text: it has half of a surrogate pair");
  }
}
