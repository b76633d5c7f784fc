import { expect, it } from "vitest";
import type { Storage } from "../../../server/src/domain/storage.js";
import { newUuid } from "../../../server/src/domain/uuid.js";
import { appendOf, createSession, EVERYTHING, newMessage, newState, WIDE } from "./samples.js";
import { SESSION_CALLS } from "./session-calls.js";
import type { StorageSuite } from "./storage-suite.js";

/** Tests that no method reaches a session that is unknown, deleted or another tenant's. */
export function testReach(suite: StorageSuite): void {
  async function createFull(storage: Storage) {
    const ref = await createSession(storage, { key: "k" });
    await storage.messages.append(ref, { ...appendOf(newMessage()), agentStates: [newState()] });
    return ref;
  }

  for (const [name, call] of Object.entries(SESSION_CALLS)) {
    it(`${name} tells a deleted session from one that never was`, async () => {
      const deleted = await createFull(suite.storage);
      await suite.storage.sessions.delete(deleted);

      const code = "not_found";
      await expect(call(suite.storage, deleted)).rejects.toMatchObject({
        code,
        reason: "SESSION_DELETED",
      });
      const unknown = { ...deleted, sessionId: newUuid() };
      await expect(call(suite.storage, unknown)).rejects.toMatchObject({
        code,
        reason: "SESSION_NOT_FOUND",
      });
    });
  }

  it("hides a tenant's sessions from all others, deleted ones too", async () => {
    const { sessions, messages, agentStates } = suite.storage;
    const ref = await createFull(suite.storage);
    const deleted = await createFull(suite.storage);
    await sessions.delete(deleted);
    const before = await sessions.get(ref);
    const tenantId = newUuid();

    for (const call of Object.values(SESSION_CALLS)) {
      for (const { sessionId } of [ref, deleted]) {
        await expect(call(suite.storage, { tenantId, sessionId })).rejects.toMatchObject({
          code: "not_found",
          reason: "SESSION_NOT_FOUND",
        });
      }
    }

    const byKey = sessions.getByKey(tenantId, "k");
    await expect(byKey).rejects.toMatchObject({ reason: "SESSION_NOT_FOUND" });
    expect((await sessions.list(tenantId, {}, undefined, WIDE)).items).toEqual([]);
    expect(await sessions.get(ref)).toEqual(before);
    expect((await messages.read(ref, EVERYTHING, WIDE)).items).toHaveLength(1);
    expect(await agentStates.get(ref, "", undefined)).toMatchObject({ version: 1 });
  });
}
