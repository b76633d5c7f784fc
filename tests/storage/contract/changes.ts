import { expect, it } from "vitest";
import type { Change } from "../../../server/src/domain/change-storage.js";
import type { SessionRef } from "../../../server/src/domain/storage.js";
import {
  ALL_CHANGES,
  appendOf,
  createSession,
  endOf,
  newMessage,
  newMessages,
  newState,
  newWrite,
  startWrite,
  textOf,
} from "./samples.js";
import type { StorageSuite } from "./storage-suite.js";

/** Tests which changes of a session there are to read. */
export function testChanges(suite: StorageSuite): void {
  /** Creates a session with messages, and gives their ids. */
  async function write(count: number): Promise<{ ref: SessionRef; ids: readonly string[] }> {
    const ref = await createSession(suite.storage);
    const messages = newMessages(Array.from({ length: count }, (_, index) => `m${index + 1}`));
    await suite.storage.messages.append(ref, appendOf(...messages));
    return { ref, ids: messages.map(({ id }) => id) };
  }

  async function changesOf(ref: SessionRef): Promise<readonly Change[]> {
    const { items, hasMore } = await suite.storage.changes.read(ref, ALL_CHANGES, 100);
    expect(hasMore).toBe(false);
    return items;
  }

  it("has none where messages were only appended", async () => {
    const { changes, messages } = suite.storage;
    const { ref } = await write(2);
    const before = await changes.position(ref);

    await messages.append(ref, appendOf(newMessage()));

    expect(await changesOf(ref)).toEqual([]);
    const { changeRevision } = before;
    expect(await changes.position(ref)).toEqual({
      headSequence: 3,
      messageCount: 3,
      revision: 3,
      changeRevision,
    });
    expect(changeRevision).toBeLessThan(2);
  });

  it("tells of the edit of a message, with the message as it is now", async () => {
    const { ref, ids } = await write(2);
    await suite.storage.messages.update(ref, ids[0] ?? "", { content: "once" }, 1);

    const message = await suite.storage.messages.update(ref, ids[0] ?? "", { pinned: true }, 2);

    expect(message).toMatchObject({ content: "once", revision: 4 });
    expect(await changesOf(ref)).toEqual([{ type: "message_updated", revision: 4, message }]);
  });

  it("tells of the deletion of a message, in place of its edits", async () => {
    const { ref, ids } = await write(2);
    const messageId = ids[1] ?? "";
    await suite.storage.messages.update(ref, messageId, { content: "x" }, 1);

    await suite.storage.messages.delete(ref, messageId);

    const deleted = { type: "message_deleted", revision: 4, messageId, sequence: 2 };
    expect(await changesOf(ref)).toEqual([deleted]);
  });

  it("tells of a clear once, in place of all that changed what it took", async () => {
    const { messages } = suite.storage;
    const { ref, ids } = await write(4);
    const first = await messages.update(ref, ids[0] ?? "", { content: "x" }, 1);
    await messages.update(ref, ids[3] ?? "", { content: "x" }, 1);
    await messages.delete(ref, ids[2] ?? "");
    await messages.clear(ref, 3);
    await messages.append(ref, appendOf(newMessage()));

    await messages.clear(ref, 1);

    expect(await changesOf(ref)).toEqual([
      { type: "message_updated", revision: 3, message: first },
      { type: "messages_cleared", revision: 8, afterSequence: 1, throughSequence: 5 },
    ]);
  });

  it("keeps the clear of more where less is cleared later", async () => {
    const { messages } = suite.storage;
    const { ref } = await write(3);
    await messages.clear(ref, 1);
    await messages.append(ref, appendOf(newMessage(), newMessage()));

    await messages.clear(ref, 4);

    const type = "messages_cleared";
    expect(await changesOf(ref)).toEqual([
      { type, revision: 3, afterSequence: 1, throughSequence: 3 },
      { type, revision: 5, afterSequence: 4, throughSequence: 5 },
    ]);
  });

  it("tells of the clear after one sequence with the head of the last time", async () => {
    const { messages } = suite.storage;
    const { ref } = await write(2);
    await messages.clear(ref, 1);
    await messages.append(ref, appendOf(newMessage()));

    await messages.clear(ref, 1);

    const cleared = { type: "messages_cleared", afterSequence: 1, throughSequence: 3 };
    expect(await changesOf(ref)).toEqual([{ ...cleared, revision: 5 }]);
  });

  it("tells of the update of the session, with the session as it is now", async () => {
    const { sessions, messages } = suite.storage;
    const { ref } = await write(1);
    await sessions.update(ref, { title: "a" });
    await sessions.update(ref, { metadata: () => ({ b: 1 }) });
    await messages.append(ref, appendOf(newMessage()));

    const session = await sessions.get(ref);

    expect(session).toMatchObject({ title: "a", metadata: { b: 1 }, revision: 5 });
    expect(await changesOf(ref)).toEqual([{ type: "session_updated", revision: 4, session }]);
  });

  it("tells of the states that one revision put together, without what they hold", async () => {
    const ref = await createSession(suite.storage);
    const bytes = { data: Buffer.from([1]), mediaType: "a/b" };
    const agentStates = [newState({ key: "b", payload: bytes }), newState({ key: "a" })];
    await suite.storage.agentStates.put(ref, newState({ key: "a" }));
    await suite.storage.messages.append(ref, { ...appendOf(newMessage()), agentStates });

    expect(await changesOf(ref)).toEqual([
      { type: "state_put", revision: 2, states: [{ key: "a", version: 1, mediaType: "" }] },
      {
        type: "state_put",
        revision: 3,
        states: [
          { key: "a", version: 2, mediaType: "" },
          { key: "b", version: 1, mediaType: "a/b" },
        ],
      },
    ]);
    const position = { headSequence: 1, messageCount: 1, revision: 3, changeRevision: 3 };
    expect(await suite.storage.changes.position(ref)).toEqual(position);
  });

  it("tells of the deletion of a state once, with its newest version", async () => {
    const { agentStates } = suite.storage;
    const ref = await createSession(suite.storage);
    await agentStates.put(ref, newState({ key: "k" }));
    await agentStates.put(ref, newState({ key: "k" }));
    await agentStates.delete(ref, "k", undefined);

    await agentStates.put(ref, newState({ key: "k" }));

    expect(await changesOf(ref)).toEqual([
      { type: "state_deleted", revision: 4, key: "k", version: 2 },
      { type: "state_put", revision: 5, states: [{ key: "k", version: 3, mediaType: "" }] },
    ]);
  });

  it("leaves out the versions of a state that are kept no longer", async () => {
    const ref = await createSession(suite.storage);
    for (let version = 1; version <= 6; version++) {
      await suite.storage.agentStates.put(ref, newState({ key: "k" }));
    }

    const { items, hasMore } = await suite.storage.changes.read(ref, ALL_CHANGES, 4);

    expect(items.map(({ revision }) => revision)).toEqual([4, 5, 6, 7]);
    expect(hasMore).toBe(false);
  });

  it("leaves out of one revision the states that are kept no longer", async () => {
    const { agentStates, messages } = suite.storage;
    const ref = await createSession(suite.storage);
    const both = [newState({ key: "gone" }), newState({ key: "kept" })];
    await messages.append(ref, { ...appendOf(), agentStates: both });
    for (let version = 2; version <= 5; version++) {
      await agentStates.put(ref, newState({ key: "gone" }));
    }

    const [first] = await changesOf(ref);

    expect(first).toMatchObject({ revision: 2, states: [{ key: "kept", version: 1 }] });
  });

  it("tells of the end of a message that was written, and not of its checkpoints", async () => {
    const { writes, changes } = suite.storage;
    const session = await createSession(suite.storage);
    const { ref } = await startWrite(suite.storage, session);
    const begun = await changes.position(session);
    await writes.checkpoint(ref, textOf("Hel"), 1_000);
    const written = await changes.position(session);
    expect(await changesOf(session)).toEqual([]);

    const { message } = await writes.finish(ref, endOf({ text: "lo" }));

    expect(await changesOf(session)).toEqual([{ type: "message_updated", revision: 4, message }]);
    expect(begun.changeRevision).toBeLessThan(begun.revision);
    expect(written).toEqual({ headSequence: 1, messageCount: 1, revision: 3, changeRevision: 3 });
  });

  it("tells that the writing of a message began again", async () => {
    const session = await createSession(suite.storage);
    const { write: begun, ref } = await startWrite(suite.storage, session);
    await suite.storage.writes.checkpoint(ref, textOf("Hel"), 1_000);

    const { message } = await suite.storage.writes.start(session, newWrite(begun));

    expect(message).toMatchObject({ status: "streaming", content: "Hel", revision: 4 });
    expect(await changesOf(session)).toEqual([{ type: "message_updated", revision: 4, message }]);
  });

  it("tells that a message was interrupted, with what there is of it", async () => {
    const { writes, messages } = suite.storage;
    const session = await createSession(suite.storage);
    const { ref } = await startWrite(suite.storage, session);
    await writes.checkpoint(ref, textOf("Hel"), 0);
    await writes.interruptExpired();

    const message = await messages.get(session, ref.messageId);

    expect(message).toMatchObject({ status: "interrupted", content: "Hel", revision: 4 });
    expect(await changesOf(session)).toEqual([{ type: "message_updated", revision: 4, message }]);
  });

  it("says of every change of another kind that messages were not only appended", async () => {
    const { storage } = suite;
    const { ref, ids } = await write(3);
    await storage.agentStates.put(ref, newState());
    const made: (() => Promise<unknown>)[] = [
      () => storage.sessions.update(ref, { title: "x" }),
      () => storage.messages.update(ref, ids[0] ?? "", { content: "x" }, undefined),
      () => storage.messages.delete(ref, ids[0] ?? ""),
      () => storage.messages.clear(ref, 1),
      () => storage.agentStates.put(ref, newState()),
      () => storage.agentStates.delete(ref, "", undefined),
    ];

    for (const [index, make] of made.entries()) {
      await make();
      const { revision, changeRevision } = await storage.changes.position(ref);
      expect([index, revision, changeRevision]).toEqual([index, index + 4, index + 4]);
    }
  });
}
