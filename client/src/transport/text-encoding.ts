import { configureTextEncoding } from "@bufbuild/protobuf/wire";

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
const strictDecoder = new TextDecoder("utf-8", { ignoreBOM: true, fatal: true });

/**
 * Lets texts keep a U+FEFF at their start, which protobuf-es otherwise takes for a byte
 * order mark and drops.
 *
 * It holds for all of the process, since protobuf-es has one text encoding in each.
 */
export function keepLeadingByteOrderMarks(): void {
  configureTextEncoding({
    encodeUtf8: (text) => encoder.encode(text),
    decodeUtf8: (bytes, strict) => (strict ? strictDecoder : decoder).decode(bytes),
    checkUtf8: (text) => !/\p{Surrogate}/u.test(text),
  });
}
