import { expect, it } from "vitest";
import type { SessionPosition } from "../../../../server/src/domain/change-storage.js";
import { EncodedMessages } from "../../../../server/src/domain/history-cache/encoded-messages.js";
import { HistoryCache } from "../../../../server/src/domain/history-cache/history-cache.js";
import { appendOf, createSession, newMessages } from "../../../storage/contract/samples.js";
import { openForTest } from "../../../storage/contract/storage-suite.js";

const MESSAGES = new EncodedMessages(Buffer.from("ab"), [1, 2], [1, 2]);
const BLOCK = { after: 0, through: 2, messages: MESSAGES };

/** A session of two messages, of which the second is edited while somebody reads them. */
async function editWhileReading() {
  const storage = await openForTest("memory:");
  const cache = new HistoryCache(10_000);
  const ref = await createSession(storage);
  const { messages } = await storage.messages.append(ref, appendOf(...newMessages(["a", "b"])));
  const before = await storage.changes.position(ref);
  const reader = cache.view(ref, before);
  const id = messages[1]?.id ?? "";
  await storage.messages.update(ref, id, { content: "B" }, undefined);
  return { storage, cache, ref, reader, before, after: await storage.changes.position(ref) };
}

it("does not keep what was read before a change for those who came after it", async () => {
  const { storage, cache, ref, reader, after } = await editWhileReading();
  reader.add(BLOCK);

  expect(cache.isBehind(ref, after)).toBe(true);
  await cache.bringUpToDate(storage, ref, after);

  const view = cache.view(ref, after);
  expect(view.blocks?.find(0)).toMatchObject({ after: 0, through: 1 });
  expect(view.blocks?.find(1)).toBeUndefined();
});

it("does not take what was read before a change once it is past the change", async () => {
  const { cache, ref, reader, after } = await editWhileReading();
  cache.view(ref, after).add({ ...BLOCK, through: 1, messages: MESSAGES.slice(0, 1) });

  reader.add({ ...BLOCK, after: 1, messages: MESSAGES.slice(1, 2) });

  expect(cache.view(ref, after).blocks?.find(1)).toBeUndefined();
});

it("does not take what was read before a change once it was brought up to date", async () => {
  const { storage, cache, ref, reader, after } = await editWhileReading();
  reader.add({ ...BLOCK, through: 1, messages: MESSAGES.slice(0, 1) });
  await cache.bringUpToDate(storage, ref, after);

  reader.add({ ...BLOCK, after: 1, messages: MESSAGES.slice(1, 2) });

  expect(cache.view(ref, after).blocks?.find(1)).toBeUndefined();
});

it("gives nothing older than a reader's position, where it has begun anew", async () => {
  const { cache, ref, reader, after } = await editWhileReading();
  const view = cache.view(ref, after);
  // What a slower reader puts in once everything else was pushed out.
  reader.add(BLOCK);

  expect(view.blocks).toBeUndefined();
});

it("takes in while it is brought up to date what the changes spare, and nothing else", async () => {
  const { storage, cache, ref, reader, before, after } = await editWhileReading();
  reader.add({ ...BLOCK, through: 1, messages: MESSAGES.slice(0, 1) });

  const update = cache.bringUpToDate(storage, ref, after);
  cache.view(ref, before).add({ ...BLOCK, after: 1, messages: MESSAGES.slice(1, 2) });
  await update;

  const { blocks } = cache.view(ref, after);
  expect(blocks?.find(0)).toMatchObject({ through: 1 });
  expect(blocks?.find(1)).toBeUndefined();
});

it("forgets a session that is older than what it has, as after a backup was restored", async () => {
  const { storage, cache, ref, after } = await editWhileReading();
  const lost = { ...after, revision: after.revision + 1 };
  cache.view(ref, lost).add(BLOCK);

  await cache.bringUpToDate(storage, ref, after);

  expect(cache.view(ref, after).blocks).toBeUndefined();
  expect(cache.size).toBe(0);
});

it("keeps a session of which somebody has read less in the meantime", async () => {
  const { storage, cache, ref, before, after } = await editWhileReading();
  cache.view(ref, after).add(BLOCK);

  await cache.bringUpToDate(storage, ref, before);

  expect(cache.view(ref, before).blocks?.find(0)).toMatchObject({ through: 2 });
});

it("keeps nothing that is large, or where it may keep nothing", () => {
  const ref = { tenantId: "t", sessionId: "s" };
  const position: SessionPosition = {
    headSequence: 2,
    messageCount: 2,
    revision: 2,
    changeRevision: 1,
  };

  for (const maxBytes of [0, 500]) {
    const cache = new HistoryCache(maxBytes);
    cache.view(ref, position).add(BLOCK);
    expect(cache.size).toBe(0);
  }
});
