import { randomBytes } from "node:crypto";

const COUNTER_LIMIT = 0x1000;

let lastMs = 0;
let counter = 0;

/**
 * Makes a UUID of version 7.
 *
 * Those that one process makes ascend: within a millisecond by a counter of 12 bits,
 * and past its end by running ahead of the clock.
 */
export function newId(): string {
  advance(Date.now());
  const bytes = randomBytes(16);
  bytes.writeUIntBE(lastMs, 0, 6);
  bytes.writeUInt16BE(counter, 6);
  return toUuid(bytes, 7);
}

/** Gives the first 16 bytes as a UUID of a version, in lower case; they are changed to say so. */
export function toUuid(bytes: Buffer, version: number): string {
  bytes.writeUInt8((version << 4) | (bytes.readUInt8(6) & 0x0f), 6);
  bytes.writeUInt8(0x80 | (bytes.readUInt8(8) & 0x3f), 8);
  const hex = bytes.toString("hex", 0, 16);
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}

function advance(nowMs: number): void {
  counter += 1;
  if (nowMs <= lastMs && counter < COUNTER_LIMIT) return;
  lastMs = Math.max(nowMs, lastMs + 1);
  counter = 0;
}
