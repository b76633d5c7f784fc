import { expect, it } from "vitest";
import type { Append, SessionRef } from "../../../server/src/domain/storage.js";
import { newUuid } from "../../../server/src/domain/uuid.js";
import {
  appendOf,
  createSession,
  EVERYTHING,
  endOf,
  newApiCall,
  newMessage,
  newState,
  startWrite,
  WIDE,
} from "./samples.js";
import type { StorageSuite } from "./storage-suite.js";

const REUSED = { code: "already_exists", reason: "ID_REUSED" };

/** Tests calls to models that are recorded with what they were made for. */
export function testUsageAtomicity(suite: StorageSuite): void {
  async function idsOf({ tenantId }: SessionRef): Promise<readonly string[]> {
    const { items } = await suite.storage.usage.list(tenantId, {}, undefined, WIDE);
    return items.map(({ id }) => id).sort();
  }

  /** Appends, and requires that it is refused so and changes nothing. */
  async function expectRefused(ref: SessionRef, append: Append, refusal: object): Promise<void> {
    const { sessions, messages } = suite.storage;
    const [session, ids] = [await sessions.get(ref), await idsOf(ref)];
    await expect(messages.append(ref, append)).rejects.toMatchObject(refusal);
    expect(await sessions.get(ref)).toEqual(session);
    expect(await idsOf(ref)).toEqual(ids);
  }

  it("records them with an append, in its revision", async () => {
    const { storage } = suite;
    const [userId, agentId] = [newUuid(), newUuid()];
    const ref = await createSession(storage, { userId });
    const { sessionId } = ref;
    const apiCalls = [newApiCall({ sessionId, agentId }), newApiCall({ sessionId, model: "b" })];

    const appended = await storage.messages.append(ref, { ...appendOf(newMessage()), apiCalls });
    const state = {
      ...appendOf(),
      agentStates: [newState()],
      apiCalls: [newApiCall({ sessionId })],
    };
    await storage.messages.append(ref, state);

    expect(appended).toMatchObject({ headSequence: 1, revision: 2, isRepeated: false });
    expect(await storage.sessions.get(ref)).toMatchObject({ revision: 3 });
    const { items } = await storage.usage.list(ref.tenantId, { userId }, undefined, WIDE);
    expect(items).toHaveLength(3);
    expect(items.find(({ id }) => id === apiCalls[0]?.id)).toMatchObject({ sessionId, agentId });
  });

  it("records none with an append that is refused", async () => {
    const { storage } = suite;
    const ref = await createSession(storage);
    const { sessionId } = ref;
    const message = newMessage();
    await storage.messages.append(ref, appendOf(message));
    const append = { ...appendOf(newMessage()), apiCalls: [newApiCall({ sessionId })] };

    const conflict = { code: "aborted", reason: "SEQUENCE_CONFLICT" };
    await expectRefused(ref, { ...append, expectedHeadSequence: 0 }, conflict);
    const states = [newState({ expectedVersion: 5 })];
    const version = { code: "aborted", reason: "VERSION_CONFLICT" };
    await expectRefused(ref, { ...append, agentStates: states }, version);
    const messages = [newMessage({ id: message.id, content: "other" })];
    await expectRefused(ref, { ...append, messages }, REUSED);
  });

  it("refuses an append with a call whose id is known, and stores nothing of it", async () => {
    const { storage } = suite;
    const ref = await createSession(storage);
    const known = newApiCall({ sessionId: ref.sessionId });
    await storage.usage.record(ref.tenantId, known);
    const append = { ...appendOf(newMessage()), agentStates: [newState()] };
    const fresh = newApiCall({ sessionId: ref.sessionId });

    await expectRefused(ref, { ...append, apiCalls: [fresh, known] }, REUSED);
    const other = newApiCall({ id: known.id, model: "other" });
    await expectRefused(ref, { ...append, apiCalls: [fresh, other] }, REUSED);
    const stale = { ...append, apiCalls: [known], expectedHeadSequence: 7 };
    await expectRefused(ref, stale, REUSED);

    const stranger = await createSession(storage);
    const own = newApiCall({ id: known.id, sessionId: stranger.sessionId });
    await storage.messages.append(stranger, { ...appendOf(newMessage()), apiCalls: [own] });
    expect(await idsOf(stranger)).toEqual([known.id]);
  });

  it("records them once with an append that is repeated just as it was", async () => {
    const { storage } = suite;
    const ref = await createSession(storage);
    const call = newApiCall({ sessionId: ref.sessionId, createdAt: new Date(1) });
    for (const append of [
      { ...appendOf(newMessage()), apiCalls: [call] },
      { ...appendOf(), agentStates: [newState()], apiCalls: [{ ...call, id: newUuid() }] },
    ]) {
      const first = await storage.messages.append(ref, append);

      expect(await storage.messages.append(ref, append)).toEqual({ ...first, isRepeated: true });
      expect(await idsOf(ref)).toEqual([append.apiCalls[0]?.id]);
      const other = {
        ...append,
        apiCalls: [newApiCall({ ...append.apiCalls[0], model: "other" })],
      };
      await expectRefused(ref, other, REUSED);
      const more = { ...append, apiCalls: [...append.apiCalls, newApiCall()] };
      await expectRefused(ref, more, REUSED);
      expect(await storage.usage.purge(ref.tenantId, new Date(2))).toBe(1);
      await expectRefused(ref, append, REUSED);
      expect(await idsOf(ref)).toEqual([]);
    }
  });

  it("leaves the appends beside as they are, and in their order", async () => {
    const { storage } = suite;
    const ref = await createSession(storage);
    const { sessionId, tenantId } = ref;
    const known = newApiCall({ sessionId });
    await storage.usage.record(tenantId, known);
    const twice = newApiCall({ sessionId });
    const calls = [[], [newApiCall({ sessionId })], [known], [twice], [], [twice], [known], []];

    const settled = await Promise.allSettled(
      calls.map((apiCalls, n) => {
        const message = newMessage({ content: String(n) });
        return storage.messages.append(ref, { ...appendOf(message), apiCalls });
      }),
    );

    const { items } = await storage.messages.read(ref, EVERYTHING, WIDE);
    expect(items.map(({ content }) => content)).toEqual(["0", "1", "3", "4", "7"]);
    const refused = settled.filter(({ status }) => status === "rejected");
    expect(refused).toMatchObject([{ reason: REUSED }, { reason: REUSED }, { reason: REUSED }]);
    expect(await idsOf(ref)).toHaveLength(3);
  });

  it("stores one of two appends with the same call to two sessions at once", async () => {
    const { storage } = suite;
    const other = suite.isShared ? await suite.openAnother() : storage;
    const tenantId = newUuid();
    const refs = [
      await createSession(storage, { tenantId }),
      await createSession(storage, { tenantId }),
    ];
    const id = newUuid();

    const settled = await Promise.allSettled(
      refs.map(({ sessionId }, index) =>
        (index ? storage : other).messages.append(
          { tenantId, sessionId },
          { ...appendOf(newMessage()), apiCalls: [newApiCall({ id, sessionId })] },
        ),
      ),
    );

    const refused = settled.filter(({ status }) => status === "rejected");
    expect(refused).toMatchObject([{ reason: REUSED }]);
    const heads = await Promise.all(refs.map((ref) => storage.sessions.get(ref)));
    expect(heads.map(({ headSequence }) => headSequence).sort()).toEqual([0, 1]);
  });

  it("records that of a message that is finished, once", async () => {
    const { storage } = suite;
    const userId = newUuid();
    const ref = await createSession(storage, { userId });
    const { ref: write, write: started } = await startWrite(storage, ref);
    const call = newApiCall({ sessionId: ref.sessionId, responseMessageId: write.messageId });
    const end = endOf({ text: "Hel", status: "interrupted", apiCall: call });

    await storage.writes.finish(write, end);
    const { ref: resumed } = await startWrite(storage, ref, started);
    await storage.writes.finish(resumed, endOf({ text: "lo", apiCall: call }));

    const { items } = await storage.usage.list(ref.tenantId, {}, undefined, WIDE);
    const { messageId: responseMessageId } = write;
    expect(items).toMatchObject([{ id: call.id, responseMessageId, userId }]);
    expect(await storage.messages.get(ref, write.messageId)).toMatchObject({ content: "Hello" });
  });

  it("leaves a message that is written as it is where its call is refused", async () => {
    const { storage } = suite;
    const ref = await createSession(storage);
    const known = newApiCall();
    await storage.usage.record(ref.tenantId, known);
    const { ref: write } = await startWrite(storage, ref);
    const apiCall = newApiCall({ id: known.id, sessionId: ref.sessionId });

    const finish = storage.writes.finish(write, endOf({ text: "Hello", apiCall }));

    await expect(finish).rejects.toMatchObject(REUSED);
    const message = await storage.messages.get(ref, write.messageId);
    expect(message).toMatchObject({ content: "", status: "streaming" });
    expect(await storage.writes.finish(write, endOf({ text: "Hello" }))).toMatchObject({
      revision: 3,
    });
  });

  it("keeps them when their session is deleted", async () => {
    const { storage } = suite;
    const userId = newUuid();
    const ref = await createSession(storage, { userId });
    const { tenantId, sessionId } = ref;
    const call = newApiCall({ sessionId });
    await storage.messages.append(ref, { ...appendOf(newMessage()), apiCalls: [call] });

    await storage.sessions.delete(ref);

    const { items } = await storage.usage.list(tenantId, { sessionId, userId }, undefined, WIDE);
    expect(items).toMatchObject([{ id: call.id, sessionId, userId }]);
  });
}
