import { expect, it, vi } from "vitest";
import type { Histories } from "../../server/src/domain/history.js";
import type { SessionRef, Storage } from "../../server/src/domain/storage.js";
import { describeDatabases } from "../support/databases.js";
import { appendOf, createLong, EVERYTHING, newMessage, WIDE } from "./contract/samples.js";
import { openForTest } from "./contract/storage-suite.js";
import { historiesOf } from "./counted-histories.js";
import { messagesOf, openHistory } from "./streamed-histories.js";

/** Some pages of the largest size, after those that grow. */
const LENGTH = 2_500;
const PAGE = 512;
const PAGES = 10;
/** So many that two pages are on their way. */
const FRAMES_BEFORE_END = 12;
const STARTS = [0, 1, 200, 1_225];

/** How a history is streamed. */
interface Streaming {
  readonly after?: number;
  readonly maxFrames?: number;
  /** Is called with the number of each frame, and of messages up to there, and waited for. */
  readonly onFrame?: (frame: number, messages: number) => Promise<void> | undefined;
}

/** Streams the sequences of a history after one, and no more frames than are asked for. */
async function stream(
  histories: Histories,
  ref: SessionRef,
  { after = 0, maxFrames = Number.POSITIVE_INFINITY, onFrame }: Streaming = {},
): Promise<readonly number[]> {
  const start = { from: "after_sequence", afterSequence: after } as const;
  const sequences: number[] = [];
  let frames = 0;
  for await (const frame of openHistory(histories, ref, start)) {
    const messages = messagesOf(frame);
    if (messages.length === 0) continue;
    sequences.push(...messages.map(({ sequence }) => Number(sequence)));
    frames += 1;
    await onFrame?.(frames, sequences.length);
    if (frames === maxFrames) break;
  }
  return sequences;
}

async function stored({ messages }: Storage, ref: SessionRef): Promise<readonly number[]> {
  const bounds = { ...WIDE, maxItems: 2 * LENGTH, maxBytes: 64 * 1024 * 1024 };
  const { items } = await messages.read(ref, EVERYTHING, bounds);
  return items.map(({ sequence }) => sequence);
}

async function deleteSome(storage: Storage, ref: SessionRef): Promise<void> {
  const bounds = { ...WIDE, maxItems: 2 * LENGTH };
  const { items } = await storage.messages.read(ref, EVERYTHING, bounds);
  // In the middle of a page, at its end, several in one, and where the next page begins.
  for (const sequence of [650, 1_225, 1_226, 1_300, 1_301, 1_302, 1_303, 1_737, 2_249]) {
    const message = items.find((item) => item.sequence === sequence);
    await storage.messages.delete(ref, message?.id ?? "");
  }
}

/** Messages so large that a page has to end before it has as many as it may have. */
async function appendLarge(storage: Storage, ref: SessionRef): Promise<void> {
  const content = "x".repeat(400_000);
  for (let count = 0; count < 7; count++) {
    await storage.messages.append(ref, appendOf(newMessage({ content }), newMessage()));
  }
  const small = Array.from({ length: 900 }, () => newMessage());
  await storage.messages.append(ref, appendOf(...small));
}

describeDatabases("a history that is read ahead", (database) => {
  it("is read two pages at once, and each message once", async () => {
    const storage = await openForTest(await database.create());
    const { histories, takeCount, mostAtOnce } = historiesOf(storage, 0);
    const ref = await createLong(storage, LENGTH);

    expect(await stream(histories, ref)).toHaveLength(LENGTH);

    expect(takeCount()).toBe(LENGTH);
    expect(mostAtOnce()).toBe(2);
  });

  it.each([
    ["some were deleted", deleteSome],
    ["some are large", appendLarge],
  ])("is all that there is where pages end elsewhere than is expected: %s", async (_, change) => {
    const storage = await openForTest(await database.create());
    const { histories } = historiesOf(storage, 0);
    const ref = await createLong(storage, LENGTH);
    await change(storage, ref);
    const all = await stored(storage, ref);

    for (const after of STARTS) {
      const expected = all.filter((sequence) => sequence > after);
      expect(await stream(histories, ref, { after })).toEqual(expected);
    }
  });

  it("is read once where messages were deleted", async () => {
    const storage = await openForTest(await database.create());
    const { histories, takeCount } = historiesOf(storage, 0);
    const ref = await createLong(storage, LENGTH);
    await deleteSome(storage, ref);

    const { length } = await stream(histories, ref);

    expect(takeCount()).toBe(length);
  });

  it("is read about once where messages are large", async () => {
    const storage = await openForTest(await database.create());
    const { histories, takeCount } = historiesOf(storage, 0);
    const ref = await createLong(storage, LENGTH);
    await appendLarge(storage, ref);

    const { length } = await stream(histories, ref);

    // The first of the pages that have too many bytes cannot be foreseen.
    expect(takeCount() - length).toBeLessThanOrEqual(PAGE);
  });

  it("is read one page at once where they are large", async () => {
    const storage = await openForTest(await database.create());
    const { histories, mostAtOnce } = historiesOf(storage, 0);
    const ref = await createLong(storage, 1);
    const content = "x".repeat(3_000);
    await storage.messages.append(
      ref,
      appendOf(...Array.from({ length: 1_000 }, () => newMessage({ content }))),
    );

    await stream(histories, ref);

    expect(mostAtOnce()).toBe(1);
  });

  it("ends with its session, whatever is on its way", async () => {
    const storage = await openForTest(await database.create());
    const { histories } = historiesOf(storage, 0);
    const ref = await createLong(storage, LENGTH);

    const streaming = stream(histories, ref, {
      onFrame: (frame) => (frame === FRAMES_BEFORE_END ? storage.sessions.delete(ref) : undefined),
    });

    await expect(streaming).rejects.toMatchObject({ code: "not_found" });
  });

  it("is read ahead of a reader that is slower, also where it is kept", async () => {
    const storage = await openForTest(await database.create());
    const { histories, takeCount, underWay } = historiesOf(storage, 64 * 1024 * 1024);
    const ref = await createLong(storage, LENGTH);
    let read = 0;
    const lead: number[] = [];

    await stream(histories, ref, {
      async onFrame(frame, given) {
        if (frame > FRAMES_BEFORE_END) await vi.waitFor(() => expect(underWay()).toBe(0));
        read += takeCount();
        if (frame > FRAMES_BEFORE_END && read < LENGTH) lead.push(read - given);
      },
    });

    expect(Math.min(...lead)).toBeGreaterThan(0);
  });

  it("goes past what was cleared at once", async () => {
    const storage = await openForTest(await database.create());
    const { histories, pages } = historiesOf(storage, 0);
    const ref = await createLong(storage, 3 * LENGTH);
    await storage.messages.clear(ref, LENGTH);
    await storage.messages.append(ref, appendOf(newMessage()));

    expect(await stream(histories, ref)).toEqual(await stored(storage, ref));

    expect(pages()).toBeLessThan(PAGES);
  });

  it.each([
    { after: 300, maxFrames: 3 },
    { after: 724, maxFrames: 1 },
    { after: 725, maxFrames: 30 },
    { after: 1_300, maxFrames: 5 },
  ])("goes on with what is kept of it: $maxFrames frames after $after", async (kept) => {
    const storage = await openForTest(await database.create());
    const { histories, takeCount } = historiesOf(storage, 64 * 1024 * 1024);
    const ref = await createLong(storage, LENGTH);
    await stream(histories, ref, kept);

    expect(await stream(histories, ref)).toEqual(await stored(storage, ref));

    expect(takeCount()).toBe(LENGTH);
  });
});
