import { expect, it } from "vitest";
import type { Storage } from "../../../server/src/domain/storage.js";
import { newUuid } from "../../../server/src/domain/uuid.js";
import {
  appendOf,
  createSession,
  EVERYTHING,
  newMessage,
  newSession,
  newState,
  sessionToOpen,
  WIDE,
} from "./samples.js";
import { SESSION_CALLS } from "./session-calls.js";
import type { StorageSuite } from "./storage-suite.js";

const BACKENDS = ["memory", "sqlite", "postgres", "mysql"];

/** Tests what a storage tells of itself, and its end. */
export function testLifecycle(suite: StorageSuite): void {
  /** Calls every method that names no session. */
  function callOthers(storage: Storage): readonly Promise<unknown>[] {
    const { sessions } = storage;
    return [
      storage.ping(),
      storage.count(),
      sessions.create(newSession()),
      sessions.open(sessionToOpen({ key: "k" })),
      sessions.getByKey(newUuid(), "k"),
      sessions.list(newUuid(), {}, undefined, WIDE),
      storage.changes.revisions([newUuid()]),
      storage.writes.interruptExpired(),
    ];
  }

  it("tells its backend and its schema, and answers", async () => {
    const { backend, schemaVersion } = suite.storage;

    expect(BACKENDS).toContain(backend);
    expect(schemaVersion).toBeGreaterThan(0);
    await expect(suite.storage.ping()).resolves.toBeUndefined();
  });

  it("counts what is stored in all tenants, and nothing that was deleted", async () => {
    const storage = await suite.openEmpty();
    expect(await storage.count()).toEqual({ sessions: 0, messages: 0, agentStates: 0 });
    const [one, two, three] = [
      await createSession(storage),
      await createSession(storage),
      await createSession(storage),
    ];
    const deleted = newMessage();
    const agentStates = [newState({ key: "a" }), newState({ key: "a" }), newState({ key: "b" })];
    for (const ref of [one, two, three]) {
      const messages = [deleted, newMessage(), newMessage()];
      await storage.messages.append(ref, { ...appendOf(...messages), agentStates });
    }

    await storage.messages.delete(one, deleted.id);
    await storage.agentStates.delete(one, "a", undefined);
    await storage.messages.clear(two, 1);
    await storage.sessions.delete(three);

    expect(await storage.count()).toEqual({ sessions: 2, messages: 3, agentStates: 4 });
  });

  it("serves no call after it was closed", async () => {
    const storage = await suite.openEmpty();
    const ref = await createSession(storage);
    await storage.close();

    const calls = Object.values(SESSION_CALLS).map((call) => call(storage, ref));

    const outcomes = await Promise.allSettled([...calls, ...callOthers(storage)]);
    const refusal = { code: "unavailable", reason: "DATABASE_UNAVAILABLE" };
    for (const outcome of outcomes) {
      expect(outcome).toMatchObject({ status: "rejected", reason: refusal });
    }
  });

  it("may be closed twice", async () => {
    const storage = await suite.openEmpty();
    await storage.close();

    await expect(storage.close()).resolves.toBeUndefined();
  });

  it("finishes what is under way before it closes", async () => {
    const storage = await suite.openEmpty();
    const ref = await createSession(storage);
    const underWay = Array.from({ length: 24 }, () =>
      storage.messages.append(ref, appendOf(newMessage())),
    );

    const closing = storage.close();

    const appended = await Promise.all(underWay);
    await closing;
    expect(appended.map(({ headSequence }) => headSequence).sort((a, b) => a - b)).toEqual(
      Array.from({ length: 24 }, (_, index) => index + 1),
    );
  });

  if (!suite.isShared) return;

  it("finds everything again on the database that another one left", async () => {
    const ref = await createSession(suite.storage, { key: "k", metadata: { a: 1 } });
    const writer = await suite.openAnother();
    const append = { ...appendOf(newMessage()), agentStates: [newState()] };
    const { messages, agentStates } = await writer.messages.append(ref, append);
    const session = await writer.sessions.get(ref);
    await writer.close();

    const reader = await suite.openAnother();

    expect(reader.schemaVersion).toBe(suite.storage.schemaVersion);
    expect(await reader.sessions.getByKey(ref.tenantId, "k")).toEqual(session);
    expect((await reader.messages.read(ref, EVERYTHING, WIDE)).items).toEqual(messages);
    expect((await reader.agentStates.list(ref, "", undefined, WIDE)).items).toEqual(agentStates);
  });
}
