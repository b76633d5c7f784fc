import { expect, it } from "vitest";
import type { SessionRef, Storage } from "../../server/src/domain/storage.js";
import { describeDatabases } from "../support/databases.js";
import {
  appendOf,
  createLong,
  createSession,
  EVERYTHING,
  forkOf,
  newMessage,
} from "./contract/samples.js";
import { openForTest } from "./contract/storage-suite.js";
import { countSent, DIALECTS } from "./sent-calls.js";

/** A page of which a message may have some two thousand bytes. */
const PAGE = { maxItems: 10, maxBytes: 20_000 };

/** What makes it take more than one statement to read a page. */
const EXCEPTIONS: readonly (readonly [
  string,
  (storage: Storage, ref: SessionRef) => Promise<unknown>,
])[] = [
  [
    "has a large message",
    ({ messages }, ref) =>
      messages.append(ref, appendOf(newMessage({ content: "x".repeat(5_000) }))),
  ],
  ["is shared with a fork", ({ sessions }, ref) => sessions.fork(ref, forkOf(ref))],
];

describeDatabases("a page of messages", (database) => {
  it("takes one statement", async () => {
    const storage = await openForTest(await database.create());
    const ref = await createLong(storage, 3);
    const sent = countSent(DIALECTS[database.kind]);

    const { items } = await storage.messages.read(ref, EVERYTHING, PAGE);

    expect(items.map(({ content }) => content)).toEqual(["1", "2", "3"]);
    expect(sent.take()).toEqual({ alone: 0, together: 0, raw: 1 });
  });

  it.each(EXCEPTIONS)(
    "is tried by one in vain but once where the session %s",
    async (_, change) => {
      const storage = await openForTest(await database.create());
      const ref = await createLong(storage, 3);
      await change(storage, ref);
      const sent = countSent(DIALECTS[database.kind]);
      const read = async () => {
        const { items } = await storage.messages.read(ref, EVERYTHING, PAGE);
        return { items, sent: sent.take() };
      };

      const first = await read();
      const second = await read();

      expect(first.items.slice(0, 3).map(({ content }) => content)).toEqual(["1", "2", "3"]);
      expect(second.items).toEqual(first.items);
      expect(second.sent).toEqual({ ...first.sent, raw: first.sent.raw - 1 });
    },
  );

  it("is of no session that another tenant has, or that is deleted", async () => {
    const storage = await openForTest(await database.create());
    const ref = await createLong(storage, 3);
    const { tenantId } = await createSession(storage);

    const foreign = storage.messages.read({ ...ref, tenantId }, EVERYTHING, PAGE);
    await expect(foreign).rejects.toMatchObject({ reason: "SESSION_NOT_FOUND" });
    await storage.sessions.delete(ref);

    const deleted = storage.messages.read(ref, EVERYTHING, PAGE);
    await expect(deleted).rejects.toMatchObject({ reason: "SESSION_DELETED" });
  });
});
