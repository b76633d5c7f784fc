import { expect, it } from "vitest";
import { newUuid } from "../../../server/src/domain/uuid.js";
import { appendOf, createSession, newMessage, newSession } from "./samples.js";
import type { StorageSuite } from "./storage-suite.js";

const ID_REUSED = { code: "already_exists", reason: "ID_REUSED" };
const KEY_TAKEN = { code: "already_exists", reason: "KEY_TAKEN" };

/** Tests SessionStorage.create. */
export function testSessionCreation(suite: StorageSuite): void {
  it("gives, then and later, what was asked for, new and empty", async () => {
    const { sessions } = suite.storage;
    const given = { key: "k", userId: newUuid(), agentId: newUuid(), title: "x" };
    const session = newSession({ ...given, metadata: { k: { n: 1 }, s: "v" } });

    const created = await sessions.create(session);

    const { tenantId, requestHash: _, ...asked } = session;
    expect(created).toEqual({
      ...asked,
      createdAt: expect.any(Date),
      updatedAt: created.createdAt,
      headSequence: 0,
      messageCount: 0,
      revision: 1,
      version: 1,
      forkSessionId: undefined,
      forkSequence: 0,
    });
    expect(await sessions.get({ tenantId, sessionId: session.id })).toEqual(created);
    expect(await sessions.getByKey(tenantId, "k")).toEqual(created);
  });

  it("gives undefined for what was not asked for", async () => {
    const ref = await createSession(suite.storage);

    const session = await suite.storage.sessions.get(ref);

    const none = { key: undefined, userId: undefined, agentId: undefined };
    expect(session).toMatchObject({ ...none, title: "", metadata: {} });
  });

  it("answers a repeated request with the session as it is now", async () => {
    const { sessions, messages } = suite.storage;
    const session = newSession({ key: "k", title: "first" });
    const ref = { tenantId: session.tenantId, sessionId: session.id };
    await sessions.create(session);
    await sessions.update(ref, { title: "second" });
    await messages.append(ref, appendOf(newMessage()));
    const present = await sessions.get(ref);

    const repeated = await sessions.create(session);

    expect(repeated).toEqual(present);
    expect(repeated).toMatchObject({ title: "second", headSequence: 1 });
    expect(await sessions.get(ref)).toEqual(present);
  });

  it("refuses an id that was used for another request", async () => {
    const { sessions } = suite.storage;
    const session = newSession({ title: "first" });
    const first = await sessions.create(session);

    const second = sessions.create(newSession({ ...session, title: "second" }));

    await expect(second).rejects.toMatchObject(ID_REUSED);
    const ref = { tenantId: session.tenantId, sessionId: session.id };
    expect(await sessions.get(ref)).toEqual(first);
  });

  it("refuses another tenant's id, be the request the same", async () => {
    const { sessions } = suite.storage;
    const session = newSession();
    await sessions.create(session);

    const other = sessions.create({ ...session, tenantId: newUuid() });

    await expect(other).rejects.toMatchObject({ ...ID_REUSED, metadata: {} });
  });

  it("refuses a key that another session of the tenant has, and creates nothing", async () => {
    const { sessions } = suite.storage;
    const { tenantId } = await createSession(suite.storage, { key: "k" });
    const second = newSession({ tenantId, key: "k" });

    await expect(sessions.create(second)).rejects.toMatchObject(KEY_TAKEN);

    const got = sessions.get({ tenantId, sessionId: second.id });
    await expect(got).rejects.toMatchObject({ code: "not_found", reason: "SESSION_NOT_FOUND" });
  });

  it("gives each tenant keys of its own", async () => {
    const { sessions } = suite.storage;
    const one = await createSession(suite.storage, { key: "k" });
    const other = await createSession(suite.storage, { key: "k" });

    expect(await sessions.getByKey(one.tenantId, "k")).toMatchObject({ id: one.sessionId });
    expect(await sessions.getByKey(other.tenantId, "k")).toMatchObject({ id: other.sessionId });
  });

  it("tells keys apart byte for byte", async () => {
    const { sessions } = suite.storage;
    const tenantId = newUuid();
    const keys = [
      "a",
      "A",
      "a ",
      " a",
      "\u00e4",
      "a\u0308",
      "ß",
      "ss",
      "😀",
      "😁",
      "a%",
      "a_",
      "'",
    ];
    for (const key of keys) await createSession(suite.storage, { tenantId, key, title: key });

    const found = await Promise.all(keys.map((key) => sessions.getByKey(tenantId, key)));

    expect(found.map(({ title }) => title)).toEqual(keys);
    expect(found.map(({ key }) => key)).toEqual(keys);
    const missing = sessions.getByKey(tenantId, "a  ");
    await expect(missing).rejects.toMatchObject({ code: "not_found", reason: "SESSION_NOT_FOUND" });
  });

  it("takes a key of 255 bytes", async () => {
    const key = `${"😀".repeat(63)}abc`;
    const { tenantId, sessionId } = await createSession(suite.storage, { key });

    const found = await suite.storage.sessions.getByKey(tenantId, key);

    expect(found).toMatchObject({ id: sessionId, key });
  });

  it("creates once of any number of equal requests at once", async () => {
    const session = newSession({ key: "k", metadata: { a: 1 } });

    const created = await Promise.all(
      Array.from({ length: 12 }, () => suite.storage.sessions.create(session)),
    );

    const ref = { tenantId: session.tenantId, sessionId: session.id };
    const stored = await suite.storage.sessions.get(ref);
    for (const each of created) expect(each).toEqual(stored);
  });

  it("gives a key to one of the sessions that want it at once", async () => {
    const tenantId = newUuid();
    const wanting = Array.from({ length: 12 }, () => newSession({ tenantId, key: "k" }));

    const outcomes = await Promise.allSettled(
      wanting.map((session) => suite.storage.sessions.create(session)),
    );

    const refused = outcomes.filter(({ status }) => status === "rejected");
    expect(refused).toHaveLength(wanting.length - 1);
    for (const outcome of refused) expect(outcome).toMatchObject({ reason: KEY_TAKEN });
  });
}
