import { expect, it } from "vitest";
import { stopClock } from "./fixed-clock.js";
import {
  appendOf,
  createSession,
  EVERYTHING,
  newMessage,
  newMessages,
  newState,
  WIDE,
} from "./samples.js";
import type { StorageSuite } from "./storage-suite.js";

/** Tests MessageStorage.append with ids that are new. */
export function testAppends(suite: StorageSuite): void {
  it("numbers messages from 1 on, over all appends, one revision each", async () => {
    const { messages, sessions } = suite.storage;
    const ref = await createSession(suite.storage);

    const first = await messages.append(ref, appendOf(...newMessages(["a", "b"])));
    const second = await messages.append(ref, appendOf(...newMessages(["c"])));

    expect(first).toMatchObject({ headSequence: 2, revision: 2, agentStates: [] });
    expect(second).toMatchObject({ headSequence: 3, revision: 3 });
    const stored = [...first.messages, ...second.messages];
    expect(stored.map(({ sequence, content }) => [sequence, content])).toEqual([
      [1, "a"],
      [2, "b"],
      [3, "c"],
    ]);
    const read = await messages.read(ref, EVERYTHING, WIDE);
    expect(read).toEqual({ items: stored, hasMore: false });
    const session = await sessions.get(ref);
    expect(session).toMatchObject({ headSequence: 3, messageCount: 3, revision: 3, version: 1 });
  });

  it("gives a new message its place, its time and its first version", async () => {
    const now = new Date("2026-03-01T12:34:56.789Z");
    stopClock(now);
    const ref = await createSession(suite.storage);
    const message = newMessage({ role: "assistant", content: "Hi!" });

    const { messages } = await suite.storage.messages.append(ref, appendOf(message));

    const { requestHash: _, ...asked } = message;
    const place = { sessionId: ref.sessionId, sequence: 1, version: 1, revision: 2 };
    const stored = { ...asked, ...place, status: "complete", createdAt: now, updatedAt: now };
    expect(messages).toEqual([stored]);
    expect(await suite.storage.messages.get(ref, message.id)).toEqual(stored);
    expect(await suite.storage.sessions.get(ref)).toMatchObject({ updatedAt: now });
  });

  it("keeps the order of a large append, whatever its messages weigh", async () => {
    const ref = await createSession(suite.storage);
    const contents = Array.from({ length: 333 }, (_, index) =>
      `${index} `.repeat(index % 100 === 50 ? 500_000 : 1),
    );

    await suite.storage.messages.append(ref, appendOf(...newMessages(contents)));

    const { items } = await suite.storage.messages.read(ref, EVERYTHING, WIDE);
    expect(items.map(({ sequence }) => sequence)).toEqual(contents.map((_, index) => index + 1));
    expect(items.every(({ content }, index) => content === contents[index])).toBe(true);
  });

  it("appends at the expected head alone", async () => {
    const { messages, sessions } = suite.storage;
    const ref = await createSession(suite.storage);
    const at = (expectedHeadSequence: number) =>
      messages.append(ref, { ...appendOf(newMessage()), expectedHeadSequence });
    await at(0);
    await at(1);

    await expect(at(1)).rejects.toMatchObject({
      code: "aborted",
      reason: "SEQUENCE_CONFLICT",
      metadata: { expected: "1", actual: "2" },
    });
    await expect(at(3)).rejects.toMatchObject({ reason: "SEQUENCE_CONFLICT" });
    await expect(at(0)).rejects.toMatchObject({ reason: "SEQUENCE_CONFLICT" });

    expect(await sessions.get(ref)).toMatchObject({
      headSequence: 2,
      messageCount: 2,
      revision: 3,
    });
  });

  it("never uses a sequence again", async () => {
    const { messages } = suite.storage;
    const ref = await createSession(suite.storage);
    const first = newMessage();
    await messages.append(ref, appendOf(first));
    await messages.delete(ref, first.id);
    await messages.append(ref, appendOf(newMessage(), newMessage()));
    await messages.clear(ref, 0);

    const next = await messages.append(ref, { ...appendOf(newMessage()), expectedHeadSequence: 3 });

    expect(next.messages).toMatchObject([{ sequence: 4 }]);
    const { items } = await messages.read(ref, EVERYTHING, WIDE);
    expect(items).toEqual(next.messages);
  });

  it("does not turn time back where the clock does", async () => {
    const { messages } = suite.storage;
    const noon = new Date("2026-03-01T12:00:00.999Z");
    const move = stopClock(noon);
    const ref = await createSession(suite.storage);
    await messages.append(ref, appendOf(newMessage()));
    move(new Date("2026-03-01T11:00:00.000Z"));

    const append = { ...appendOf(newMessage()), agentStates: [newState()] };
    const { messages: stored, agentStates } = await messages.append(ref, append);

    expect(stored).toMatchObject([{ createdAt: noon, updatedAt: noon }]);
    expect(agentStates).toMatchObject([{ createdAt: noon }]);
    const { items } = await messages.read(ref, EVERYTHING, WIDE);
    expect(items.map(({ createdAt }) => createdAt)).toEqual([noon, noon]);
  });

  it("commits messages and states together, in one revision", async () => {
    const { messages, agentStates, sessions } = suite.storage;
    const ref = await createSession(suite.storage);
    const states = [newState({ key: "b" }), newState({ key: "a" }), newState({ key: "b" })];

    const appended = await messages.append(ref, { ...appendOf(newMessage()), agentStates: states });

    expect(appended.messages).toMatchObject([{ sequence: 1, revision: 2 }]);
    expect(appended.agentStates).toMatchObject([
      { id: states[0]?.id, key: "b", version: 1, revision: 2 },
      { id: states[1]?.id, key: "a", version: 1, revision: 2 },
      { id: states[2]?.id, key: "b", version: 2, revision: 2 },
    ]);
    expect(await agentStates.get(ref, "b", 1)).toEqual(appended.agentStates[0]);
    expect(await sessions.get(ref)).toMatchObject({ headSequence: 1, revision: 2 });
  });

  it("leaves nothing of an append whose last state conflicts", async () => {
    const { messages, agentStates, sessions } = suite.storage;
    const ref = await createSession(suite.storage);
    const before = await sessions.get(ref);
    const fine = newState({ key: "fine" });
    const append = { ...appendOf(newMessage()), agentStates: [fine, newState({ key: "late" })] };
    const [, late] = append.agentStates;
    const conflicting = late === undefined ? [] : [fine, { ...late, expectedVersion: 3 }];

    const failed = messages.append(ref, { ...append, agentStates: conflicting });

    const metadata = { expected: "3", actual: "0" };
    const conflict = { code: "aborted", reason: "VERSION_CONFLICT", metadata };
    await expect(failed).rejects.toMatchObject(conflict);
    expect(await sessions.get(ref)).toEqual(before);
    expect(await messages.read(ref, EVERYTHING, WIDE)).toEqual({ items: [], hasMore: false });
    const state = agentStates.get(ref, "fine", undefined);
    await expect(state).rejects.toMatchObject({ reason: "STATE_NOT_FOUND" });
    expect(await messages.append(ref, append)).toMatchObject({ headSequence: 1, revision: 2 });
  });

  it("leaves the head where it is if states alone are put", async () => {
    const { messages, sessions } = suite.storage;
    const ref = await createSession(suite.storage);
    await messages.append(ref, appendOf(newMessage()));

    const append = { ...appendOf(), agentStates: [newState()], expectedHeadSequence: 1 };
    const appended = await messages.append(ref, append);

    expect(appended).toMatchObject({ messages: [], headSequence: 1, revision: 3 });
    expect(await sessions.get(ref)).toMatchObject({
      headSequence: 1,
      messageCount: 1,
      revision: 3,
    });
  });
}
