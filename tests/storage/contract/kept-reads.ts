import { expect, it } from "vitest";
import type { MessageRange, PageBounds, SessionRef } from "../../../server/src/domain/storage.js";
import {
  appendOf,
  createSession,
  EVERYTHING,
  type MessageSample,
  newMessage,
  WIDE,
} from "./samples.js";
import type { StorageSuite } from "./storage-suite.js";

/** Tests MessageStorage.readKept. */
export function testKeptReads(suite: StorageSuite): void {
  async function write(samples: readonly MessageSample[]) {
    const ref = await createSession(suite.storage);
    const append = appendOf(...samples.map((sample) => newMessage(sample)));
    const { messages } = await suite.storage.messages.append(ref, append);
    return { ref, messages };
  }

  async function sequences(
    ref: SessionRef,
    range: Partial<MessageRange> = {},
    bounds: PageBounds = WIDE,
  ): Promise<readonly number[]> {
    const page = await suite.storage.messages.readKept(ref, { ...EVERYTHING, ...range }, bounds);
    return page.items.map(({ sequence }) => sequence);
  }

  const MIXED: readonly MessageSample[] = [
    { role: "user", pinned: true },
    { role: "system" },
    { role: "user" },
    { role: "assistant", pinned: true },
    { role: "tool", pinned: true },
    { role: "assistant" },
    { role: "system", pinned: true },
    { role: "tool" },
  ];

  it("gives system messages and pinned ones of all roles, in their order", async () => {
    const { ref, messages } = await write(MIXED);

    const page = await suite.storage.messages.readKept(ref, EVERYTHING, WIDE);

    const kept = [1, 2, 4, 5, 7].map((sequence) => messages[sequence - 1]);
    expect(page).toEqual({ items: kept, hasMore: false });
    expect(await sequences(ref, { afterSequence: 1, upToSequence: 5 })).toEqual([2, 4, 5]);
    expect(await sequences(ref, { afterSequence: 7 })).toEqual([]);
  });

  it("follows what is pinned, unpinned and deleted later", async () => {
    const { ref, messages } = await write(MIXED);
    const idOf = (sequence: number) => messages[sequence - 1]?.id ?? "";

    await suite.storage.messages.update(ref, idOf(3), { pinned: true }, undefined);
    await suite.storage.messages.update(ref, idOf(4), { pinned: false }, undefined);
    await suite.storage.messages.delete(ref, idOf(2));
    await suite.storage.messages.delete(ref, idOf(5));

    expect(await sequences(ref)).toEqual([1, 3, 7]);
  });

  it.each([
    ["items", { ...WIDE, maxItems: 2 }],
    ["bytes", { ...WIDE, maxBytes: 500 }],
    ["items that are large", { maxItems: 2, maxBytes: 4_000 }],
  ])("ends a page at its %s, and goes on after it", async (_, bounds) => {
    const samples = [...MIXED, ...MIXED, ...MIXED].map((sample) => ({ ...sample, content: "abc" }));
    const { ref } = await write([...samples, { content: "x".repeat(10_000) }]);
    const walked: number[] = [];

    for (let hasMore = true; hasMore; ) {
      const range = { ...EVERYTHING, afterSequence: walked.at(-1) ?? 0 };
      const page = await suite.storage.messages.readKept(ref, range, bounds);
      expect(page.items.length).toBeGreaterThan(0);
      expect(page.items.length).toBeLessThan(15);
      walked.push(...page.items.map(({ sequence }) => sequence));
      hasMore = page.hasMore;
    }

    const kept = [1, 2, 4, 5, 7];
    expect(walked).toEqual([0, 8, 16].flatMap((start) => kept.map((place) => start + place)));
  });
}
