import { expect, it } from "vitest";
import type { SessionRef } from "../../../server/src/domain/storage.js";
import { appendOf, createSession, EVERYTHING, newMessage, newState, WIDE } from "./samples.js";
import type { StorageSuite } from "./storage-suite.js";

const LARGEST = Number.MAX_SAFE_INTEGER;

/** Tests sequences, revisions and versions past 32 bits, up to the last exact number. */
export function testNumbers(suite: StorageSuite): void {
  if (!suite.isShared) {
    it("starts from 0", async () => {
      const ref = await createSession(suite.storage);
      expect(await suite.storage.sessions.get(ref)).toMatchObject({ headSequence: 0 });
    });
    return;
  }

  /** Creates a session that has had so many messages. */
  async function createAt(head: number): Promise<SessionRef> {
    const ref = await createSession(suite.storage);
    await suite.query("UPDATE sessions SET head_sequence = ?, revision = ? WHERE id = ?", [
      head,
      head,
      ref.sessionId,
    ]);
    return ref;
  }

  for (const head of [2 ** 31 - 1, 2 ** 32 - 1, LARGEST - 3]) {
    it(`goes on from a head of ${head}`, async () => {
      const { messages, sessions, agentStates } = suite.storage;
      const ref = await createAt(head);
      const [first, second] = [newMessage(), newMessage()];
      const append = { ...appendOf(first, second), agentStates: [newState()] };

      const appended = await messages.append(ref, { ...append, expectedHeadSequence: head });

      const places = appended.messages.map(({ sequence }) => sequence);
      expect(places).toEqual([head + 1, head + 2]);
      expect(appended).toMatchObject({ headSequence: head + 2, revision: head + 1 });
      expect(await messages.get(ref, second.id)).toEqual(appended.messages[1]);
      const after = { ...EVERYTHING, afterSequence: head + 1 };
      expect(await messages.read(ref, after, WIDE)).toMatchObject({ items: [{ id: second.id }] });
      const tight = { ...EVERYTHING, order: "descending", upToSequence: head + 1 } as const;
      const page = await messages.read(ref, tight, { maxItems: 1, maxBytes: 1 });
      expect(page).toMatchObject({ items: [{ id: first.id }], hasMore: false });
      expect(await messages.sequenceBeforeLast(ref, 1, head + 2)).toBe(head + 1);
      const position = { revision: head + 2, key: "", version: 1 };
      expect(await agentStates.list(ref, undefined, position, WIDE)).toMatchObject({
        items: [{ revision: head + 1 }],
      });
      expect(await messages.clear(ref, head + 1)).toBe(1);
      expect(await sessions.get(ref)).toMatchObject({ headSequence: head + 2 });
    });
  }

  it("uses the last exact sequence, and refuses to go past it", async () => {
    const { messages, sessions } = suite.storage;
    const ref = await createAt(LARGEST - 1);
    await suite.query("UPDATE sessions SET revision = 1 WHERE id = ?", [ref.sessionId]);
    const exhausted = { code: "resource_exhausted", reason: "SEQUENCE_EXHAUSTED" };

    const tooMany = messages.append(ref, appendOf(newMessage(), newMessage()));
    await expect(tooMany).rejects.toMatchObject(exhausted);
    const last = newMessage();
    const appended = await messages.append(ref, appendOf(last));
    await expect(messages.append(ref, appendOf(newMessage()))).rejects.toMatchObject(exhausted);

    expect(appended).toMatchObject({ headSequence: LARGEST, messages: [{ sequence: LARGEST }] });
    const repeated = await messages.append(ref, appendOf(last));
    expect(repeated).toEqual({ ...appended, isRepeated: true });
    const states = { ...appendOf(), agentStates: [newState()] };
    expect(await messages.append(ref, states)).toMatchObject({ headSequence: LARGEST });
    const session = await sessions.get(ref);
    expect(session).toMatchObject({ headSequence: LARGEST, messageCount: 1, revision: 3 });
  });
}
