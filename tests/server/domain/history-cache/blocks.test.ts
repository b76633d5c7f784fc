import fc from "fast-check";
import { expect, it } from "vitest";
import { type Block, Blocks } from "../../../../server/src/domain/history-cache/blocks.js";
import { EncodedMessages } from "../../../../server/src/domain/history-cache/encoded-messages.js";

const HEAD = 60;

/** Gives a block of messages, each of which is its sequence in a byte. */
function blockOf(after: number, through: number, sequences: readonly number[]): Block {
  const ends = sequences.map((_, index) => index + 1);
  return { after, through, messages: new EncodedMessages(Buffer.from(sequences), sequences, ends) };
}

/** What the blocks say of every sequence: not known, not there, or its bytes. */
function toText(blocks: Blocks): readonly string[] {
  return Array.from({ length: HEAD }, (_, index) => {
    const block = blocks.find(index);
    if (block === undefined) return "?";
    const { messages } = block;
    const [start, end] = [messages.indexAfter(index), messages.indexAfter(index + 1)];
    return Buffer.from(messages.bytes(start, end)).toString("hex");
  });
}

const change = fc.oneof(
  fc.record({
    type: fc.constant("add"),
    after: fc.nat(HEAD - 1),
    length: fc.integer({ min: 1, max: 9 }),
    gaps: fc.nat(511),
  } as const),
  fc.record({ type: fc.constant("removeMessage"), sequence: fc.nat(HEAD) } as const),
  fc.record({ type: fc.constant("removeAfter"), sequence: fc.nat(HEAD) } as const),
);

it("know what was added and not removed, and nothing else", () => {
  const property = fc.property(fc.array(change, { maxLength: 30 }), (changes) => {
    const blocks = new Blocks();
    const model = Array<string>(HEAD).fill("?");
    for (const given of changes) {
      if (given.type === "removeMessage") {
        blocks.removeMessage(given.sequence);
        if (given.sequence > 0) model[given.sequence - 1] = "?";
      } else if (given.type === "removeAfter") {
        blocks.removeAfter(given.sequence);
        model.fill("?", given.sequence);
      } else {
        const { after, length, gaps } = given;
        const through = Math.min(after + length, HEAD);
        const all = Array.from({ length: through - after }, (_, index) => after + 1 + index);
        const sequences = all.filter((_, index) => ((gaps >> index) & 1) === 0);
        blocks.add(blockOf(after, through, sequences));
        const isNew = all.every((sequence) => model[sequence - 1] === "?");
        for (const sequence of isNew ? all : []) {
          const isThere = sequences.includes(sequence);
          model[sequence - 1] = isThere ? Buffer.of(sequence).toString("hex") : "";
        }
      }

      expect(toText(blocks)).toEqual(model);
      for (let sequence = 0; sequence < HEAD; sequence++) {
        if (model[sequence] !== "?") continue;
        const next = model.findIndex((text, index) => index > sequence && text !== "?");
        expect(blocks.nextAfter(sequence)).toBe(next === -1 ? Number.POSITIVE_INFINITY : next);
      }
      for (const count of [1, 3, HEAD]) {
        expect(blocks.sequenceBeforeLast(count, HEAD)).toBe(beforeLast(model, count));
      }
    }
  });
  fc.assert(property, { numRuns: 500 });
});

function beforeLast(model: readonly string[], count: number): number | undefined {
  let left = count;
  for (let sequence = HEAD; sequence > 0; sequence--) {
    const text = model[sequence - 1];
    if (text === "?") return undefined;
    if (text === "") continue;
    if (left === 0) return sequence;
    left -= 1;
  }
  return 0;
}

it("take the memory of what they have, and none of what was removed", () => {
  const blocks = new Blocks();
  const sequences = Array.from({ length: 50 }, (_, index) => index + 1);
  blocks.add(blockOf(0, 50, sequences));
  const { size } = blocks;

  blocks.removeMessage(25);

  expect(blocks.find(0)?.messages.bytes(0, 24).buffer.byteLength).toBe(24);
  while (blocks.size > 0) blocks.removeOldest();
  expect(size).toBeGreaterThan(50);
  expect(toText(blocks)).toEqual(Array(HEAD).fill("?"));
});
