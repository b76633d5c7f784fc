import {
  create,
  type DescMessage,
  fromBinary,
  type MessageInitShape,
  type MessageShape,
  toBinary,
} from "@bufbuild/protobuf";
import { StateError } from "../domain/errors.js";
import type { MessagePieces } from "./calls/reply-frame.js";
import { refuseTooManyElements } from "./request-elements.js";
import { refuseReservedKey } from "./reserved-key.js";
import { keepLeadingByteOrderMarks } from "./text-encoding.js";

keepLeadingByteOrderMarks();

/**
 * What a handler answers with: the fields of a message, or the message already encoded, or what
 * encodes it when it is sent.
 */
export type Reply<D extends DescMessage> = MessageInitShape<D> | Uint8Array | Encoding;

/**
 * Encodes a message, in memory that it may use again for the next one: what is sent is copied at
 * once, but for the body of a message in pieces.
 */
export type Encoding = () => Uint8Array | MessagePieces;

/** The types of a method's request and reply. */
export interface MethodTypes<I extends DescMessage, O extends DescMessage> {
  readonly input: I;
  readonly output: O;
}

/**
 * Decodes a request.
 *
 * @throws StateError `resource_exhausted` with reason LIMIT_EXCEEDED if it holds too many
 * elements.
 * @throws StateError `invalid_argument` if it is not a message of this type, or is nested
 * deeper than can be read.
 */
export function decodeRequest<D extends DescMessage>(schema: D, bytes: Buffer): MessageShape<D> {
  const request = decode(schema, bytes);
  refuseReservedKey(schema, bytes);
  return request;
}

function decode<D extends DescMessage>(schema: D, bytes: Buffer): MessageShape<D> {
  // A plain view: fields of bytes would be Buffers otherwise, which behave differently.
  const plain = new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  try {
    refuseTooManyElements(schema, plain);
    return fromBinary(schema, plain);
  } catch (error) {
    if (error instanceof StateError) throw error;
    const message = `the request is not a valid ${schema.typeName}; send one that conforms to the .proto files`;
    throw new StateError("invalid_argument", "INVALID_ARGUMENT", message);
  }
}

/** Encodes a reply, unless it is encoded already; an {@link Encoding} may overwrite the one before. */
export function encodeReply<D extends DescMessage>(
  schema: D,
  reply: Reply<D>,
): Uint8Array | MessagePieces {
  if (typeof reply === "function") return reply();
  return isEncoded(reply) ? reply : toBinary(schema, create(schema, reply));
}

function isEncoded(reply: unknown): reply is Uint8Array {
  return reply instanceof Uint8Array;
}
