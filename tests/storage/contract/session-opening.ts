import { expect, it } from "vitest";
import { newUuid } from "../../../server/src/domain/uuid.js";
import { createSession, sessionToOpen } from "./samples.js";
import type { StorageSuite } from "./storage-suite.js";

/** Tests SessionStorage.open. */
export function testSessionOpening(suite: StorageSuite): void {
  it("creates the session of a key once, and finds it then", async () => {
    const { sessions } = suite.storage;
    const tenantId = newUuid();

    const first = await sessions.open(sessionToOpen({ tenantId, key: "k", title: "t" }));
    const second = await sessions.open(sessionToOpen({ tenantId, key: "k" }));

    expect(first).toMatchObject({ created: true, session: { key: "k", title: "t", revision: 1 } });
    expect(second).toEqual({ created: false, session: first.session });
  });

  it("creates exactly the id that was given, and finds it then", async () => {
    const { sessions } = suite.storage;
    const session = sessionToOpen({ id: newUuid() });

    const first = await sessions.open(session);
    const second = await sessions.open(session);

    expect(first).toMatchObject({ created: true, session: { id: session.id } });
    expect(second).toEqual({ created: false, session: first.session });
  });

  it("leaves a session that exists as it is", async () => {
    const { sessions } = suite.storage;
    const given = { key: "k", title: "first", metadata: { a: 1 } };
    const { tenantId, sessionId } = await createSession(suite.storage, given);
    const before = await sessions.get({ tenantId, sessionId });
    const other = { tenantId, title: "second", metadata: { b: 2 }, userId: newUuid() };

    const byKey = await sessions.open(sessionToOpen({ ...other, key: "k" }));
    const byId = await sessions.open(sessionToOpen({ ...other, id: sessionId }));
    const byBoth = await sessions.open(sessionToOpen({ ...other, id: sessionId, key: "k" }));

    for (const each of [byKey, byId, byBoth]) {
      expect(each).toEqual({ created: false, session: before });
    }
    expect(await sessions.get({ tenantId, sessionId })).toEqual(before);
  });

  it("finds a session by its key, where the id that is given with it is none's", async () => {
    const { tenantId, sessionId } = await createSession(suite.storage, { key: "k" });

    const opened = await suite.storage.sessions.open(
      sessionToOpen({ tenantId, key: "k", id: newUuid() }),
    );

    expect(opened).toMatchObject({ created: false, session: { id: sessionId } });
  });

  it("finds a session by its id, where the key that is given with it is none's", async () => {
    const { sessions } = suite.storage;
    const { tenantId, sessionId } = await createSession(suite.storage, { key: "k" });

    const opened = await sessions.open(sessionToOpen({ tenantId, key: "new", id: sessionId }));

    expect(opened).toMatchObject({ created: false, session: { id: sessionId, key: "k" } });
    await expect(sessions.getByKey(tenantId, "new")).rejects.toMatchObject({ code: "not_found" });
  });

  it("refuses an id and a key of two sessions", async () => {
    const one = await createSession(suite.storage, { key: "k" });
    const { tenantId } = one;
    const { sessionId: id } = await createSession(suite.storage, { tenantId });

    const opened = suite.storage.sessions.open(sessionToOpen({ tenantId, key: "k", id }));

    await expect(opened).rejects.toMatchObject({
      code: "already_exists",
      reason: "SESSION_MISMATCH",
    });
  });

  it("refuses another tenant's id", async () => {
    const { sessionId: id } = await createSession(suite.storage, { key: "k" });

    for (const key of [undefined, "k"]) {
      const opened = suite.storage.sessions.open(sessionToOpen({ id, key }));

      const refusal = { code: "already_exists", reason: "ID_REUSED", metadata: {} };
      await expect(opened).rejects.toMatchObject(refusal);
    }
  });

  it("refuses the id of a session that was deleted, be its key another session's now", async () => {
    const { sessions } = suite.storage;
    const ref = await createSession(suite.storage, { key: "k" });
    const { tenantId, sessionId: id } = ref;
    await sessions.delete(ref);
    const refusal = { code: "failed_precondition", reason: "SESSION_DELETED" };

    await expect(sessions.open(sessionToOpen({ tenantId, id }))).rejects.toMatchObject(refusal);
    const reopened = await sessions.open(sessionToOpen({ tenantId, key: "k" }));
    expect(reopened.created).toBe(true);
    expect(reopened.session.id).not.toBe(id);
    const byBoth = sessions.open(sessionToOpen({ tenantId, id, key: "k" }));
    await expect(byBoth).rejects.toMatchObject(refusal);
  });

  it("creates one session of any number of calls for a key at once", async () => {
    const another = suite.isShared ? await suite.openAnother() : suite.storage;
    const tenantId = newUuid();

    const opened = await Promise.all(
      Array.from({ length: 24 }, (_, index) => {
        const { sessions } = index % 2 === 0 ? suite.storage : another;
        return sessions.open(sessionToOpen({ tenantId, key: "k", title: String(index) }));
      }),
    );

    expect(opened.filter(({ created }) => created)).toHaveLength(1);
    const stored = await suite.storage.sessions.getByKey(tenantId, "k");
    for (const { session } of opened) expect(session).toEqual(stored);
  });

  it("creates one session of any number of calls for an id at once", async () => {
    const session = sessionToOpen({ id: newUuid(), metadata: { a: 1 } });

    const opened = await Promise.all(
      Array.from({ length: 12 }, () => suite.storage.sessions.open(session)),
    );

    expect(opened.filter(({ created }) => created)).toHaveLength(1);
    for (const each of opened) expect(each.session).toEqual(opened[0]?.session);
  });
}
