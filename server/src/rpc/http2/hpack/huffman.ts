import { HeaderBlockError } from "./header-block-error.js";

/**
 * How many bits the code of each byte has, and last that of the end of a string. That is all that
 * there is to know of the codes: they are in order of their lengths, and those of one length in
 * order of their bytes.
 *
 * Source: https://www.rfc-editor.org/rfc/rfc7541#appendix-B
 */
const CODE_BITS: readonly number[] = [
  13, 23, 28, 28, 28, 28, 28, 28, 28, 24, 30, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 30, 28,
  28, 28, 28, 28, 28, 28, 28, 28, 6, 10, 10, 12, 13, 6, 8, 11, 10, 10, 8, 11, 8, 6, 6, 6, 5, 5, 5,
  6, 6, 6, 6, 6, 6, 6, 7, 8, 15, 6, 12, 10, 13, 6, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7,
  7, 7, 7, 7, 7, 7, 8, 7, 8, 13, 19, 13, 14, 6, 15, 5, 6, 5, 6, 5, 6, 6, 6, 5, 7, 7, 6, 6, 6, 5, 6,
  7, 6, 5, 5, 6, 7, 7, 7, 7, 7, 15, 11, 14, 13, 28, 20, 22, 20, 20, 22, 22, 22, 23, 22, 23, 23, 23,
  23, 23, 24, 23, 24, 24, 22, 23, 24, 23, 23, 23, 23, 21, 22, 23, 22, 23, 23, 24, 22, 21, 20, 22,
  22, 23, 23, 21, 23, 22, 22, 24, 21, 22, 23, 23, 21, 21, 22, 21, 23, 22, 23, 23, 20, 22, 22, 22,
  23, 22, 22, 23, 26, 26, 20, 19, 22, 23, 22, 25, 26, 26, 26, 27, 27, 26, 24, 25, 19, 21, 26, 27,
  27, 26, 27, 24, 21, 21, 26, 26, 28, 27, 27, 27, 20, 24, 20, 21, 22, 21, 21, 23, 22, 22, 25, 25,
  24, 24, 26, 23, 26, 27, 26, 26, 27, 27, 27, 27, 27, 28, 27, 27, 27, 27, 27, 26, 30,
];

const END_OF_STRING = 256;

/** How many bits of ones may fill the last byte: fewer than a byte, since that would be superfluous. */
const MAX_PADDING_BITS = 7;

/** The shortest code, which gives the most bytes. */
const MIN_CODE_BITS = 5;

/** In how many places a code can be after some of its bits: as many as codes, but for one. */
const PLACES = END_OF_STRING;

/**
 * A step is what some bits do at a place: in its low byte the place they lead to, and in the
 * second the byte that they complete, if `COMPLETES` says that they do.
 */
const COMPLETES = 1 << 16;
const FAILS = 1 << 17;

const BIT_STEPS = bitSteps();

/** What four bits do at each place; 0 until that has been asked for, which spares the server's start. */
const STEPS = new Uint32Array(PLACES << 4);

/** Has a one for each place where a string may end: the beginning of a code, or in the padding. */
const ENDS = endPlaces();

/** Decoded strings up to this long share one memory. */
const SHARED_BYTES = 4096;
const SHARED = Buffer.allocUnsafeSlow(SHARED_BYTES);

/**
 * Decodes a string that is coded by Huffman's method, as Latin-1.
 *
 * @throws HeaderBlockError if it holds the code of the end, or its end is not filled with ones,
 * up to seven.
 */
export function decodeHuffman(block: Buffer, start: number, end: number): string {
  const maxBytes = Math.floor(((end - start) * 8) / MIN_CODE_BITS);
  const decoded = maxBytes <= SHARED_BYTES ? SHARED : Buffer.allocUnsafe(maxBytes);
  let length = 0;
  let step = 0;
  let flags = 0;
  for (let position = start; position < end; position += 1) {
    const byte = block[position] ?? 0;
    step = stepAt(step, byte >> 4);
    if ((step & COMPLETES) !== 0) decoded[length++] = (step >> 8) & 0xff;
    flags |= step;
    step = stepAt(step, byte & 0xf);
    if ((step & COMPLETES) !== 0) decoded[length++] = (step >> 8) & 0xff;
    flags |= step;
  }
  if ((flags & FAILS) !== 0 || ENDS[step & 0xff] !== 1) {
    throw new HeaderBlockError("a string is not coded as it must be");
  }
  return decoded.toString("latin1", 0, length);
}

function stepAt(before: number, fourBits: number): number {
  const index = ((before & 0xff) << 4) | fourBits;
  return STEPS[index] || foundStep(index);
}

/** Finds what four bits do; none of their steps can complete a byte twice, since no code is so short. */
function foundStep(index: number): number {
  let step = index >> 4;
  let flags = 0;
  for (let shift = 3; shift >= 0; shift -= 1) {
    step = BIT_STEPS[((step & 0xff) << 1) | ((index >> shift) & 1)] ?? FAILS;
    flags |= step & ~0xff;
  }
  STEPS[index] = flags | step;
  return flags | step;
}

/**
 * Gives what each bit does at each place.
 *
 * Places are numbered by how many bits of a code were read, and then in order of the bits. Of what
 * one more bit leads to, the complete codes come first.
 */
function bitSteps(): Uint32Array {
  const steps = new Uint32Array(2 * PLACES);
  const codes = Uint32Array.from(CODE_BITS, (bits, byte) => (bits << 16) | byte).sort();
  const bitsRead = new Uint8Array(PLACES);
  let completed = 0;
  let reached = 0;
  for (let index = 0; index < steps.length; index += 1) {
    const bits = (bitsRead[index >> 1] ?? 0) + 1;
    const code = codes[completed] ?? 0;
    if (code >> 16 === bits) {
      const byte = code & 0xffff;
      completed += 1;
      steps[index] = byte === END_OF_STRING ? FAILS : COMPLETES | (byte << 8);
    } else {
      reached += 1;
      bitsRead[reached] = bits;
      steps[index] = reached;
    }
  }
  return steps;
}

function endPlaces(): Uint8Array {
  const ends = new Uint8Array(PLACES);
  let place = 0;
  for (let bits = 0; bits <= MAX_PADDING_BITS; bits += 1) {
    ends[place] = 1;
    place = BIT_STEPS[2 * place + 1] ?? 0;
  }
  return ends;
}
