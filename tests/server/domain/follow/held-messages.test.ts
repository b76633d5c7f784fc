import { expect, it } from "vitest";
import { HeldMessages } from "../../../../server/src/domain/follow/held-messages.js";
import type { Message, Part } from "../../../../server/src/domain/model.js";
import type { FrameDelta } from "../../../../server/src/domain/session-frame.js";

const PART: Part = { type: "data", json: "1" };

const MESSAGE: Message = {
  id: "m",
  sessionId: "s",
  sequence: 7,
  role: "assistant",
  content: "héllo",
  parts: [PART],
  metadata: {},
  raw: undefined,
  pinned: false,
  tokenCount: undefined,
  status: "streaming",
  createdAt: new Date(0),
  updatedAt: new Date(0),
  version: 1,
  revision: 10,
  bytes: 0,
};

function text(offset: number, added: string, sequence = 7): FrameDelta {
  return { type: "text", messageId: "m", sequence, offset, text: added };
}

function part(partIndex: number): FrameDelta {
  return { type: "part", messageId: "m", sequence: 7, partIndex, part: PART };
}

it("wants of a message that is being written what it has not, without a gap", () => {
  const held = new HeldMessages(true);
  held.take(MESSAGE);

  const cases = [
    [text(0, "héllo"), false],
    [text(7, "late"), false],
    [text(3, "llo!"), true],
    [text(7, "more"), true],
    [part(0), false],
    [part(2), false],
    [part(1), true],
    [text(0, "other", 8), false],
  ] as const;

  for (const [delta, isWanted] of cases) expect(held.extend(delta)).toBe(isWanted);
});

it("wants no deltas of a message that is finished, nor where it did not ask for them", () => {
  const [asked, silent] = [new HeldMessages(true), new HeldMessages(false)];
  asked.take(MESSAGE);
  asked.take({ ...MESSAGE, status: "complete" });
  silent.take(MESSAGE);

  expect(asked.extend(text(6, "!"))).toBe(false);
  expect(silent.extend(text(6, "!"))).toBe(false);
});

it("wants no change that it has read the result of", () => {
  const held = new HeldMessages(true);
  held.clear(9);
  held.read(MESSAGE);
  const change = (revision: number) =>
    ({ type: "message_updated", revision, message: { ...MESSAGE, revision } }) as const;

  expect([9, 10, 11].map((revision) => held.change(change(revision)))).toEqual([
    false,
    false,
    true,
  ]);
  expect(held.writtenRevision).toBe(10);
});
