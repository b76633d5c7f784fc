import fc from "fast-check";
import { HeaderDecoder } from "../../../../server/src/rpc/http2/hpack/header-decoder.js";
import type { DecodedHeaders } from "../../../../server/src/rpc/http2/hpack/header-list.js";

export const LIMIT = 64 * 1024;

/** What one frame may carry. */
export const MAX_FRAME_BYTES = 16 * 1024;

/** Says that the table has its largest size, which it has anyway. */
export const SAME_TABLE_SIZE = hex("3fe11f");
export const TABLE_OF_256 = hex("3fe101");
export const NO_TABLE = hex("20");
export const RESIZING: readonly Buffer[] = [SAME_TABLE_SIZE, TABLE_OF_256, NO_TABLE];

export function hex(text: string): Buffer {
  return Buffer.from(text.replaceAll(" ", ""), "hex");
}

export function newDecoder(): HeaderDecoder {
  return new HeaderDecoder(LIMIT);
}

export function decode(block: Buffer): DecodedHeaders {
  return newDecoder().decode(block);
}

export function fieldsOf(block: Buffer): Record<string, string> {
  return { ...decode(block).fields };
}

/** Gives a string as a block has it, of up to 126 bytes as they are. */
export function plain(text: string): Buffer {
  return Buffer.concat([Buffer.from([text.length]), Buffer.from(text, "latin1")]);
}

/** Gives a field that a table is to keep. */
export function kept(name: string, value: string): Buffer {
  return Buffer.concat([hex("40"), plain(name), plain(value)]);
}

/** Gives a field that no table keeps. */
export function passing(name: string, value: string): Buffer {
  return Buffer.concat([hex("00"), plain(name), plain(value)]);
}

export const latin1 = fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes));
