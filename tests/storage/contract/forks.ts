import { expect, it } from "vitest";
import type { Session } from "../../../server/src/domain/model.js";
import type { SessionRef } from "../../../server/src/domain/storage.js";
import { newUuid } from "../../../server/src/domain/uuid.js";
import {
  ALL_CHANGES,
  appendOf,
  createSession,
  EVERYTHING,
  endOf,
  forkOf,
  newMessages,
  newState,
  startWrite,
  textOf,
  WIDE,
} from "./samples.js";
import type { StorageSuite } from "./storage-suite.js";
import { expectStored } from "./stored-contents.js";

/** Tests SessionStorage.fork, and that whatever reads or changes messages works on forks. */
export function testForks(suite: StorageSuite): void {
  /** Creates a session with messages of these contents. */
  async function write(...contents: string[]): Promise<SessionRef> {
    const ref = await createSession(suite.storage, { title: "origin", metadata: { a: 1 } });
    await suite.storage.messages.append(ref, appendOf(...newMessages(contents)));
    return ref;
  }

  async function fork(ref: SessionRef, at?: number): Promise<[SessionRef, Session]> {
    const request = forkOf(ref, at);
    const session = await suite.storage.sessions.fork(ref, request);
    return [{ tenantId: ref.tenantId, sessionId: request.id }, session];
  }

  async function contents(ref: SessionRef): Promise<readonly string[]> {
    const { items } = await suite.storage.messages.read(ref, EVERYTHING, WIDE);
    return items.map(({ content }) => content);
  }

  it("begins with what its origin has, and says where it comes from", async () => {
    const ref = await write("one", "two", "three");

    const [, session] = await fork(ref, 2);

    const origin = await suite.storage.sessions.get(ref);
    expect(session).toMatchObject({
      forkSessionId: ref.sessionId,
      forkSequence: 2,
      headSequence: 2,
      messageCount: 2,
      title: "origin",
      metadata: { a: 1 },
      version: 1,
    });
    expect(session.revision).toBeGreaterThan(origin.revision);
    expect(origin.headSequence).toBe(3);
  });

  it("keeps ids, sequences and times, and goes on after them", async () => {
    const ref = await write("one", "two");
    const { items: before } = await suite.storage.messages.read(ref, EVERYTHING, WIDE);

    const [forked] = await fork(ref);
    const appended = await suite.storage.messages.append(
      forked,
      appendOf(...newMessages(["three"])),
    );

    const { items } = await suite.storage.messages.read(forked, EVERYTHING, WIDE);
    const inSession = before.map((message) => ({ ...message, sessionId: forked.sessionId }));
    expect(items.slice(0, 2)).toEqual(inSession);
    expect(appended.messages).toMatchObject([{ sequence: 3, sessionId: forked.sessionId }]);
    expect(await contents(ref)).toEqual(["one", "two"]);
  });

  it("answers a repeated append of what it shares as its origin does", async () => {
    const ref = await createSession(suite.storage);
    const append = appendOf(...newMessages(["one", "two"]));
    await suite.storage.messages.append(ref, append);
    const [forked] = await fork(ref);

    const repeated = await suite.storage.messages.append(forked, append);
    const [first] = append.messages;
    const other = newMessages(["other"]).map((message) => ({ ...message, id: first?.id ?? "" }));
    const reused = suite.storage.messages.append(forked, appendOf(...other));

    expect(repeated).toMatchObject({ isRepeated: true, headSequence: 2 });
    await expect(reused).rejects.toMatchObject({ reason: "ID_REUSED" });
  });

  it("is made once by a repeated request, also when its origin has gone", async () => {
    const ref = await write("one");
    const request = forkOf(ref, 1, { key: newUuid() });
    const session = await suite.storage.sessions.fork(ref, request);
    await suite.storage.sessions.delete(ref);

    const again = await suite.storage.sessions.fork(ref, request);

    expect(again).toEqual(session);
    const other = suite.storage.sessions.fork(ref, { ...forkOf(ref, 0), id: request.id });
    await expect(other).rejects.toMatchObject({ reason: "ID_REUSED" });
  });

  it("is refused past the head, and where a message is being written", async () => {
    const ref = await write("one", "two");
    const { ref: writing } = await startWrite(suite.storage, ref);

    await expect(fork(ref, 4)).rejects.toMatchObject({
      code: "out_of_range",
      reason: "POSITION_AHEAD",
      metadata: { headSequence: "3" },
    });
    await expect(fork(ref)).rejects.toMatchObject({ reason: "MESSAGE_IN_PROGRESS" });
    await expect(fork(ref, 2)).resolves.toHaveLength(2);
    await suite.storage.writes.finish(writing, endOf({ text: "three" }));
    const [forked] = await fork(ref);
    expect(await contents(forked)).toEqual(["one", "two", "three"]);
  });

  it("tells followers of a change of what it shares, and them alone", async () => {
    const ref = await write("one", "two");
    const [forked, { revision }] = await fork(ref);
    const { items } = await suite.storage.messages.read(forked, EVERYTHING, WIDE);
    const [first, second] = items;

    await suite.storage.messages.update(forked, first?.id ?? "", { content: "ONE" }, undefined);
    await suite.storage.messages.delete(forked, second?.id ?? "");

    const range = { ...ALL_CHANGES, afterRevision: revision };
    const { items: changes } = await suite.storage.changes.read(forked, range, 10);
    expect(changes).toMatchObject([
      { type: "message_updated", message: { sequence: 1, content: "ONE" } },
      { type: "message_deleted", sequence: 2 },
    ]);
    const origin = await suite.storage.changes.read(ref, ALL_CHANGES, 10);
    expect(origin.items).toEqual([]);
  });

  it("ends a page of changes early where the edits in it are large", async () => {
    const ref = await write("one", "two", "three");
    const [forked] = await fork(ref);
    const { items } = await suite.storage.messages.read(forked, EVERYTHING, WIDE);
    for (const { id } of items) {
      const content = "x".repeat(700_000);
      await suite.storage.messages.update(forked, id, { content }, undefined);
    }

    const page = await suite.storage.changes.read(forked, ALL_CHANGES, 10);

    expect(page.items).toMatchObject([{ type: "message_updated", message: { sequence: 1 } }]);
    expect(page.hasMore).toBe(true);
  });

  it("tells followers nothing of an edit that was cleared, though a fork still shows it", async () => {
    const ref = await write("one", "two");
    await fork(ref);
    const { items } = await suite.storage.messages.read(ref, EVERYTHING, WIDE);
    await suite.storage.messages.update(ref, items[1]?.id ?? "", { content: "edit" }, undefined);
    const [forked] = await fork(ref);
    await suite.storage.messages.clear(ref, 1);

    const { items: changes } = await suite.storage.changes.read(ref, ALL_CHANGES, 10);

    expect(JSON.stringify(changes)).not.toContain("edit");
    expect(changes.at(-1)).toMatchObject({ type: "messages_cleared", afterSequence: 1 });
    expect(await contents(forked)).toEqual(["one", "edit"]);
  });

  it("lets a writer go on with an interrupted message in both sessions", async () => {
    const ref = await write("one");
    const { ref: writing, write: request } = await startWrite(suite.storage, ref);
    await suite.storage.writes.finish(writing, endOf({ text: "Hel", status: "interrupted" }));
    const [forked] = await fork(ref);

    for (const [session, rest] of [
      [ref, "lo"],
      [forked, "met"],
    ] as const) {
      const { ref: open } = await startWrite(suite.storage, session, request);
      await suite.storage.writes.checkpoint(open, textOf(rest), 60_000);
      const past = { offset: 3, partCount: 0 };
      const tail = await suite.storage.changes.tail(session, 2, past);
      expect(tail?.text).toBe(rest);
      const written = await suite.storage.changes.messagesBeingWritten(session);
      expect(written).toMatchObject([{ sequence: 2 }]);
      await suite.storage.writes.finish(open, endOf());
    }

    expect(await contents(ref)).toEqual(["one", "Hello"]);
    expect(await contents(forked)).toEqual(["one", "Helmet"]);
  });

  it("begins with the agent states of its time, as their first versions", async () => {
    const ref = await write("one");
    const put = (key: string, json: string) =>
      suite.storage.agentStates.put(ref, newState({ key, payload: { json, mediaType: "" } }));
    await put("a", "1");
    await put("a", "2");
    await suite.storage.messages.append(ref, appendOf(...newMessages(["two"])));
    await put("a", "3");
    await put("b", "1");

    const [forked] = await fork(ref, 1);

    const { items } = await suite.storage.agentStates.list(forked, undefined, undefined, WIDE);
    expect(items).toMatchObject([{ key: "a", version: 1, payload: { json: "2" } }]);
    expect(items[0]?.sessionId).toBe(forked.sessionId);
    await suite.storage.agentStates.put(forked, newState({ key: "a", expectedVersion: 1 }));
    const state = await suite.storage.agentStates.get(ref, "a", undefined);
    expect(state).toMatchObject({ version: 3, payload: { json: "3" } });
  });

  it("is listed under its origin", async () => {
    const ref = await write("one");
    const [forked] = await fork(ref);
    await fork(forked);

    const filter = { forkSessionId: ref.sessionId };
    const { items } = await suite.storage.sessions.list(ref.tenantId, filter, undefined, WIDE);

    expect(items.map(({ id }) => id)).toEqual([forked.sessionId]);
  });

  it("belongs to its tenant", async () => {
    const ref = await write("one");
    const foreign = { ...ref, tenantId: newUuid() };

    const refused = suite.storage.sessions.fork(foreign, forkOf(foreign));

    await expect(refused).rejects.toMatchObject({ reason: "SESSION_NOT_FOUND" });
  });

  it("leaves nothing of a message that no session shows any more", async () => {
    const secret = newUuid();
    const ref = await write(secret, "two");
    const [forked] = await fork(ref);
    const { items } = await suite.storage.messages.read(ref, EVERYTHING, WIDE);
    await suite.storage.messages.delete(ref, items[0]?.id ?? "");

    expect(await contents(forked)).toEqual([secret, "two"]);
    await suite.storage.sessions.delete(forked);

    await expectStored(suite, secret, []);
    expect(await contents(ref)).toEqual(["two"]);
  });
}
