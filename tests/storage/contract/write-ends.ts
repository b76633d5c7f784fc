import { expect, it } from "vitest";
import type { SessionRef, Storage } from "../../../server/src/domain/storage.js";
import { newUuid } from "../../../server/src/domain/uuid.js";
import type { WriteRef } from "../../../server/src/domain/write-storage.js";
import {
  appendOf,
  createSession,
  endOf,
  LONG_LEASE_MS,
  newMessage,
  startWrite,
  textOf,
} from "./samples.js";
import type { StorageSuite } from "./storage-suite.js";

type Ending = (storage: Storage, session: SessionRef, ref: WriteRef) => Promise<unknown>;

/** What ends a writer, and what it is told from then on. */
const ENDINGS: Readonly<Record<string, readonly [Ending, object]>> = {
  "the message is deleted": [
    ({ messages }, session, { messageId }) => messages.delete(session, messageId),
    { code: "not_found", reason: "MESSAGE_DELETED" },
  ],
  "the message is cleared": [
    ({ messages }, session) => messages.clear(session, 0),
    { code: "not_found", reason: "MESSAGE_DELETED" },
  ],
  "the session is deleted": [
    ({ sessions }, session) => sessions.delete(session),
    { code: "not_found", reason: "SESSION_DELETED" },
  ],
  "it finished the message": [
    ({ writes }, _, ref) => writes.finish(ref, endOf()),
    { code: "aborted", reason: "WRITER_REPLACED" },
  ],
};

/** Tests what a writer is told whose message is not its own any more. */
export function testWriteEnds(suite: StorageSuite): void {
  for (const [name, [end, refusal]] of Object.entries(ENDINGS)) {
    it(`comes when ${name}`, async () => {
      const { writes } = suite.storage;
      const session = await createSession(suite.storage);
      const { ref } = await startWrite(suite.storage, session);
      await writes.checkpoint(ref, textOf("Hel"), LONG_LEASE_MS);

      await end(suite.storage, session, ref);

      const calls = [
        writes.checkpoint(ref, textOf("lo"), LONG_LEASE_MS),
        writes.checkpoint(ref, { text: "", parts: [{ type: "data", json: "1" }] }, LONG_LEASE_MS),
        writes.renew(ref, LONG_LEASE_MS),
        writes.finish(ref, endOf()),
      ];
      for (const call of calls) await expect(call).rejects.toMatchObject(refusal);
    });
  }

  it("leaves nothing of a message that was deleted while it was written", async () => {
    const { storage } = suite;
    const session = await createSession(storage);
    const { ref, write } = await startWrite(storage, session);
    await storage.messages.delete(session, ref.messageId);

    const again = storage.writes.start(session, write);

    const refusal = { code: "already_exists", reason: "MESSAGE_DELETED" };
    await expect(again).rejects.toMatchObject(refusal);
    expect(await storage.changes.messagesBeingWritten(session)).toEqual([]);
    expect(await storage.sessions.get(session)).toMatchObject({ revision: 3, messageCount: 0 });
  });

  it("does not come to those before what is cleared", async () => {
    const { storage } = suite;
    const session = await createSession(storage);
    const { ref } = await startWrite(storage, session);
    await storage.messages.append(session, appendOf(newMessage()));

    await storage.messages.clear(session, 1);

    const { message } = await storage.writes.finish(ref, endOf({ text: "Hello" }));
    expect(message).toMatchObject({ content: "Hello", revision: 5 });
  });

  it("hides what is written from another tenant", async () => {
    const { writes } = suite.storage;
    const session = await createSession(suite.storage);
    const { ref } = await startWrite(suite.storage, session);
    const stranger = { ...ref, tenantId: newUuid() };

    for (const call of [
      writes.checkpoint(stranger, textOf("x"), LONG_LEASE_MS),
      writes.renew(stranger, LONG_LEASE_MS),
      writes.finish(stranger, endOf()),
    ]) {
      await expect(call).rejects.toMatchObject({ reason: "SESSION_NOT_FOUND" });
    }
    expect(await writes.checkpoint(ref, textOf("x"), LONG_LEASE_MS)).toBe(3);
  });

  it("deletes or keeps a message that is finished at the same time, and nothing between", async () => {
    const { storage } = suite;
    const other = suite.isShared ? await suite.openAnother() : storage;
    const session = await createSession(storage);
    const { ref } = await startWrite(storage, session);

    const [finished] = await Promise.allSettled([
      storage.writes.finish(ref, endOf({ text: "Hello" })),
      other.messages.delete(session, ref.messageId),
    ]);

    const get = storage.messages.get(session, ref.messageId);
    await expect(get).rejects.toMatchObject({ reason: "MESSAGE_DELETED" });
    const revision = finished.status === "fulfilled" ? 4 : 3;
    expect(await storage.sessions.get(session)).toMatchObject({ revision, messageCount: 0 });
  });
}
