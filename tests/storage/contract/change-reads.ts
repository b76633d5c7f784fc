import { expect, it } from "vitest";
import type { Change } from "../../../server/src/domain/change-storage.js";
import type { Part } from "../../../server/src/domain/model.js";
import type { SessionRef } from "../../../server/src/domain/storage.js";
import { newUuid } from "../../../server/src/domain/uuid.js";
import {
  ALL_CHANGES,
  appendOf,
  createSession,
  endOf,
  LONG_LEASE_MS,
  newMessage,
  newMessages,
  newState,
  startWrite,
  textOf,
} from "./samples.js";
import type { StorageSuite } from "./storage-suite.js";

/** Tests how changes, positions and revisions are read. */
export function testChangeReads(suite: StorageSuite): void {
  /** Creates a session in which the revisions 3 to 8 are changes of all kinds. */
  async function change(): Promise<SessionRef> {
    const { sessions, messages, agentStates } = suite.storage;
    const ref = await createSession(suite.storage);
    const [one, two, three] = newMessages(["1", "2", "3"]);
    if (!one || !two || !three) throw new Error("there are three messages");
    await messages.append(ref, appendOf(one, two, three));
    await messages.update(ref, one.id, { content: "x" }, undefined);
    const states = Array.from({ length: 5 }, (_, index) => newState({ key: String(index) }));
    await messages.append(ref, { ...appendOf(), agentStates: states });
    await sessions.update(ref, { title: "x" });
    await messages.delete(ref, two.id);
    await agentStates.delete(ref, "0", undefined);
    await messages.clear(ref, 2);
    return ref;
  }

  const KINDS = [
    [3, "message_updated"],
    [4, "state_put"],
    [5, "session_updated"],
    [6, "message_deleted"],
    [7, "state_deleted"],
    [8, "messages_cleared"],
  ] as const;

  function kindsOf(changes: readonly Change[]): readonly (readonly [number, string])[] {
    return changes.map(({ revision, type }) => [revision, type]);
  }

  it("gives the changes of all kinds in the order of their revisions", async () => {
    const ref = await change();

    const { items, hasMore } = await suite.storage.changes.read(ref, ALL_CHANGES, 6);

    expect(kindsOf(items)).toEqual(KINDS);
    expect(hasMore).toBe(false);
  });

  it("gives those after one revision, up to another", async () => {
    const ref = await change();
    const range = { ...ALL_CHANGES, afterRevision: 4, upToRevision: 7 };

    const { items, hasMore } = await suite.storage.changes.read(ref, range, 10);

    expect(kindsOf(items)).toEqual(KINDS.slice(2, 5));
    expect(hasMore).toBe(false);
  });

  it.each([1, 2, 3, 5])("never splits a revision between pages of %i", async (maxItems) => {
    const ref = await change();
    const pages: (readonly Change[])[] = [];

    for (let afterRevision = 0, more = true; more; ) {
      const range = { ...ALL_CHANGES, afterRevision };
      const { items, hasMore } = await suite.storage.changes.read(ref, range, maxItems);
      expect(items.length).toBeLessThanOrEqual(maxItems);
      pages.push(items);
      afterRevision = items.at(-1)?.revision ?? Number.NaN;
      more = hasMore;
    }

    expect(pages.length).toBe(Math.ceil(6 / maxItems));
    expect(kindsOf(pages.flat())).toEqual(KINDS);
    const put = pages.flat().find(({ type }) => type === "state_put");
    expect(put).toMatchObject({ states: [1, 2, 3, 4].map((key) => ({ key: String(key) })) });
  });

  it.each(["messages", "states"])(
    "tells whether more follows among changes of %s",
    async (what) => {
      const { messages, agentStates, changes } = suite.storage;
      const ref = await createSession(suite.storage);
      const appended = newMessages(["1", "2", "3"]);
      await messages.append(ref, appendOf(...appended));
      for (const { id } of appended) {
        if (what === "messages") await messages.update(ref, id, { content: "x" }, undefined);
        else await agentStates.put(ref, newState({ key: id }));
      }

      const two = await changes.read(ref, ALL_CHANGES, 2);
      const three = await changes.read(ref, ALL_CHANGES, 3);

      expect([two.items.length, two.hasMore]).toEqual([2, true]);
      expect([three.items.length, three.hasMore]).toEqual([3, false]);
    },
  );

  it("ends a page early where the messages in it are large", async () => {
    const { messages, changes } = suite.storage;
    const ref = await createSession(suite.storage);
    const appended = newMessages(["1", "2", "3"]);
    await messages.append(ref, appendOf(...appended));
    for (const { id } of appended) {
      await messages.update(ref, id, { content: "x".repeat(700_000) }, undefined);
    }

    const first = await changes.read(ref, ALL_CHANGES, 10);
    const second = await changes.read(ref, { ...ALL_CHANGES, afterRevision: 3 }, 10);

    expect([kindsOf(first.items), first.hasMore]).toEqual([[[3, "message_updated"]], true]);
    expect([kindsOf(second.items), second.hasMore]).toEqual([[[4, "message_updated"]], true]);
  });

  it("leaves out the changes of messages that the reader does not have", async () => {
    const { messages, changes } = suite.storage;
    const ref = await createSession(suite.storage);
    const appended = newMessages(["1", "2", "3", "4"]);
    await messages.append(ref, appendOf(...appended));
    await messages.update(ref, appended[1]?.id ?? "", { content: "x" }, undefined);
    await messages.update(ref, appended[2]?.id ?? "", { content: "x" }, undefined);
    await messages.clear(ref, 3);
    await suite.storage.sessions.update(ref, { title: "x" });

    const read = async (upToSequence: number) => {
      const { items } = await changes.read(ref, { ...ALL_CHANGES, upToSequence }, 10);
      return items.map(({ revision }) => revision);
    };

    expect(await read(1)).toEqual([6]);
    expect(await read(2)).toEqual([3, 6]);
    expect(await read(3)).toEqual([3, 4, 6]);
    expect(await read(4)).toEqual([3, 4, 5, 6]);
  });

  it("gives the messages that are being written", async () => {
    const { storage } = suite;
    const session = await createSession(storage);
    const one = await startWrite(storage, session);
    const two = await startWrite(storage, session);
    const three = await startWrite(storage, session);
    const revision = await storage.writes.checkpoint(two.ref, textOf("Hel"), LONG_LEASE_MS);
    await storage.writes.finish(one.ref, endOf());

    const messages = await storage.changes.messagesBeingWritten(session);

    expect(messages).toEqual([
      { messageId: two.ref.messageId, sequence: 2, revision, epoch: two.ref.epoch },
      {
        messageId: three.ref.messageId,
        sequence: 3,
        revision: three.started.revision,
        epoch: three.ref.epoch,
      },
    ]);
  });

  it("gives what one of them has past some of its text and parts", async () => {
    const { changes, writes } = suite.storage;
    const session = await createSession(suite.storage);
    const { ref } = await startWrite(suite.storage, session);
    const one: Part = { type: "data", json: '"é"' };
    const two: Part = { type: "data", json: "2" };
    await writes.checkpoint(ref, { text: "Hé🦦", parts: [one, two] }, LONG_LEASE_MS);
    const revision = await writes.checkpoint(ref, textOf(" ok\\"), LONG_LEASE_MS);

    const tails = [];
    for (const [offset, partCount] of [
      [0, 0],
      [3, 1],
      [7, 2],
      [11, 2],
      [20, 9],
    ] as const) {
      tails.push(await changes.tail(session, ref.sequence, { offset, partCount }));
    }

    expect(tails).toEqual([
      { revision, past: { offset: 0, partCount: 0 }, text: "Hé🦦 ok\\", parts: [one, two] },
      { revision, past: { offset: 3, partCount: 1 }, text: "🦦 ok\\", parts: [two] },
      { revision, past: { offset: 7, partCount: 2 }, text: " ok\\", parts: [] },
      { revision, past: { offset: 11, partCount: 2 }, text: "", parts: [] },
      { revision, past: { offset: 20, partCount: 9 }, text: "", parts: [] },
    ]);
    await writes.finish(ref, endOf());
    const past = { offset: 0, partCount: 0 };
    expect(await changes.tail(session, ref.sequence, past)).toBeUndefined();
  });

  it("gives what is durable of a message that has parts and no text", async () => {
    const { changes, writes } = suite.storage;
    const session = await createSession(suite.storage);
    const { ref } = await startWrite(suite.storage, session);
    const part = { type: "reasoning", text: "Hm", signature: "" } as const;
    const revision = await writes.checkpoint(ref, { text: "", parts: [part] }, LONG_LEASE_MS);

    const past = { offset: 0, partCount: 0 };
    const tail = await changes.tail(session, ref.sequence, past);

    expect(tail).toEqual({ revision, past, text: "", parts: [part] });
  });

  it("gives the revisions of sessions of all tenants, deleted ones too", async () => {
    const { storage } = suite;
    const refs = [await change(), await createSession(storage), await createSession(storage)];
    const [first, second, third] = refs;
    if (!first || !second || !third) throw new Error("there are three sessions");
    await storage.messages.append(second, appendOf(newMessage()));
    await storage.sessions.delete(third);
    const ids = refs.map(({ sessionId }) => sessionId);

    const revisions = await storage.changes.revisions([...ids, newUuid()]);

    expect(revisions).toEqual(
      new Map([
        [first.sessionId, 8],
        [second.sessionId, 2],
        [third.sessionId, 2],
      ]),
    );
  });

  it("finds one session among a thousand that are not there", async () => {
    const { sessionId } = await createSession(suite.storage);
    const others = Array.from({ length: 1_000 }, () => newUuid());

    expect(await suite.storage.changes.revisions([])).toEqual(new Map());
    const found = await suite.storage.changes.revisions([...others, sessionId]);
    expect(found).toEqual(new Map([[sessionId, 1]]));
  });
}
