import {
  create,
  type DescMessage,
  fromBinary,
  type MessageInitShape,
  type MessageShape,
  toBinary,
} from "@bufbuild/protobuf";
import { StateError } from "../errors.js";
import { keepLeadingByteOrderMarks } from "./text-encoding.js";
import { checkTexts } from "./well-formed.js";

keepLeadingByteOrderMarks();

/**
 * Encodes a request.
 *
 * @throws StateError `invalid_argument` if a value does not fit its field.
 */
export function encode<D extends DescMessage>(schema: D, request: MessageInitShape<D>): Buffer {
  try {
    const message = create(schema, request);
    checkTexts(schema, message);
    return toBuffer(toBinary(schema, message));
  } catch (cause) {
    if (cause instanceof StateError) throw cause;
    const detail = cause instanceof Error ? cause.message : String(cause);
    const message = `the request cannot be encoded: ${detail}`;
    throw new StateError("invalid_argument", message, { cause });
  }
}

/**
 * Decodes an answer.
 *
 * @throws StateError `internal` if it is malformed.
 */
export function decode<D extends DescMessage>(schema: D, bytes: Uint8Array): MessageShape<D> {
  try {
    // A plain view, since fields of bytes are cut from it: a Buffer would give Buffers.
    return fromBinary(schema, new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength));
  } catch (cause) {
    const message = `the server's answer is not a ${schema.typeName}: check its version`;
    throw new StateError("internal", message, { cause });
  }
}

/** Gives bytes as the Buffer that grpc-js asks for, without a copy. */
function toBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
