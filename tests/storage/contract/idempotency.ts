import { expect, it } from "vitest";
import type { Append, SessionRef } from "../../../server/src/domain/storage.js";
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

const MIB = 1024 * 1024;

/** Tests MessageStorage.append with ids that are known. */
export function testIdempotency(suite: StorageSuite): void {
  async function expectRefused(ref: SessionRef, append: Append, reason: string): Promise<void> {
    const before = await suite.storage.sessions.get(ref);
    const repeated = suite.storage.messages.append(ref, append);
    await expect(repeated).rejects.toMatchObject({ code: "already_exists", reason });
    expect(await suite.storage.sessions.get(ref)).toEqual(before);
  }

  it("gives the first answer again and writes nothing", async () => {
    const { messages, sessions } = suite.storage;
    const ref = await createSession(suite.storage);
    const append = {
      messages: newMessages(["a", "b", "c"]),
      agentStates: [newState({ key: "y" }), newState({ key: "x" })],
      apiCalls: [],
      expectedHeadSequence: 0,
    };
    const first = await messages.append(ref, append);
    const session = await sessions.get(ref);

    const second = await messages.append(ref, append);

    expect(first.isRepeated).toBe(false);
    expect(second).toEqual({ ...first, isRepeated: true });
    expect(await sessions.get(ref)).toEqual(session);
    expect(await messages.read(ref, EVERYTHING, WIDE)).toMatchObject({ items: { length: 3 } });
  });

  it("compares no expectation, and gives the present head", async () => {
    const { messages } = suite.storage;
    const ref = await createSession(suite.storage);
    const state = newState({ key: "k", expectedVersion: 0 });
    const append = {
      ...appendOf(newMessage()),
      agentStates: [state],
      expectedHeadSequence: 0,
    };
    const first = await messages.append(ref, append);
    const later = { ...appendOf(newMessage()), agentStates: [newState({ key: "k" })] };
    await messages.append(ref, later);

    const second = await messages.append(ref, append);

    expect(second).toEqual({ ...first, headSequence: 2, revision: 3, isRepeated: true });
  });

  it("gives an edited message as it is now, in its first place", async () => {
    const { messages } = suite.storage;
    const ref = await createSession(suite.storage);
    const message = newMessage({ content: "a" });
    const first = await messages.append(ref, appendOf(message));
    const edited = await messages.update(ref, message.id, { content: "b" }, undefined);

    const second = await messages.append(ref, appendOf(message));

    expect(second.messages).toEqual([edited]);
    const { createdAt } = first.messages[0] ?? {};
    expect(second.messages).toMatchObject([{ content: "b", sequence: 1, createdAt }]);
  });

  it("refuses an id with other content", async () => {
    const { messages } = suite.storage;
    const ref = await createSession(suite.storage);
    const [message, state] = [newMessage(), newState()];
    await messages.append(ref, { ...appendOf(message), agentStates: [state] });

    const otherMessage = newMessage({ id: message.id, content: "other" });
    const otherState = newState({ id: state.id, payload: { json: "[]", mediaType: "" } });
    const withStates = { ...appendOf(message), agentStates: [otherState] };

    await expectRefused(ref, appendOf(otherMessage), "ID_REUSED");
    await expectRefused(ref, withStates, "ID_REUSED");
  });

  it("refuses an append of which only a part is known", async () => {
    const { messages } = suite.storage;
    const ref = await createSession(suite.storage);
    const [message, state] = [newMessage(), newState()];
    await messages.append(ref, { ...appendOf(message), agentStates: [state] });

    const parts = [
      appendOf(newMessage(), message),
      { ...appendOf(message), agentStates: [newState()] },
      { ...appendOf(newMessage()), agentStates: [state] },
      { ...appendOf(message), agentStates: [newState(), state] },
    ];

    for (const part of parts) await expectRefused(ref, part, "ID_REUSED");
    expect(await messages.read(ref, EVERYTHING, WIDE)).toMatchObject({ items: { length: 1 } });
  });

  it("answers in the order of the request, whichever appends its ids come from", async () => {
    const { messages } = suite.storage;
    const ref = await createSession(suite.storage);
    const [a, b] = [newMessage({ content: "a" }), newMessage({ content: "b" })];
    await messages.append(ref, appendOf(a));
    await messages.append(ref, appendOf(b));

    const { messages: repeated } = await messages.append(ref, appendOf(b, a));

    expect(repeated.map(({ content, sequence }) => [content, sequence])).toEqual([
      ["b", 2],
      ["a", 1],
    ]);
  });

  it("does not bring back a message that was deleted or cleared", async () => {
    const { messages } = suite.storage;
    const ref = await createSession(suite.storage);
    const [deleted, cleared] = [newMessage(), newMessage()];
    await messages.append(ref, appendOf(deleted, cleared));
    await messages.delete(ref, deleted.id);
    await messages.clear(ref, 1);

    await expectRefused(ref, appendOf(deleted), "MESSAGE_DELETED");
    await expectRefused(ref, appendOf(cleared), "MESSAGE_DELETED");
    await expectRefused(
      ref,
      appendOf(newMessage({ id: cleared.id, content: "x" })),
      "MESSAGE_DELETED",
    );
  });

  it("does not bring back a state that was deleted", async () => {
    const { messages, agentStates } = suite.storage;
    const ref = await createSession(suite.storage);
    const state = newState({ key: "k" });
    await agentStates.put(ref, state);
    await agentStates.delete(ref, "k", undefined);

    await expectRefused(ref, { ...appendOf(), agentStates: [state] }, "STATE_DELETED");
    const withMessage = { ...appendOf(newMessage()), agentStates: [state] };
    await expectRefused(ref, withMessage, "STATE_DELETED");
    expect(await messages.read(ref, EVERYTHING, WIDE)).toEqual({ items: [], hasMore: false });
  });

  it("knows the ids of the session alone", async () => {
    const { messages } = suite.storage;
    const [one, other] = [await createSession(suite.storage), await createSession(suite.storage)];
    const append = { ...appendOf(newMessage()), agentStates: [newState()] };
    await messages.append(one, append);

    const appended = await messages.append(other, append);

    expect(appended.messages).toMatchObject([{ sessionId: other.sessionId, sequence: 1 }]);
    expect(appended.agentStates).toMatchObject([{ sessionId: other.sessionId, version: 1 }]);
  });

  it("knows all ids of a large append", async () => {
    const { messages } = suite.storage;
    const ref = await createSession(suite.storage);
    const append = appendOf(...newMessages(Array.from({ length: 300 }, String)));
    const first = await messages.append(ref, append);

    expect(await messages.append(ref, append)).toEqual({ ...first, isRepeated: true });
    await expectRefused(ref, appendOf(...append.messages, newMessage()), "ID_REUSED");
  });

  it("knows messages that came by several appends", async () => {
    const { messages } = suite.storage;
    const ref = await createSession(suite.storage);
    const [first, second, third] = newMessages(["a", "b", "c"]);
    if (!first || !second || !third) throw new Error("there are three");
    for (const message of [first, second, third]) await messages.append(ref, appendOf(message));

    const repeated = await messages.append(ref, appendOf(third, first));

    expect(repeated).toMatchObject({
      messages: [
        { sequence: 3, content: "c" },
        { sequence: 1, content: "a" },
      ],
      isRepeated: true,
      headSequence: 3,
    });
  });

  it("does not answer with messages that were edited to more than an answer holds", async () => {
    const { messages, sessions } = suite.storage;
    const ref = await createSession(suite.storage);
    const append = appendOf(newMessage(), newMessage(), newMessage());
    await messages.append(ref, append);
    const content = "x".repeat(6 * MIB);
    const edit = (id: string) => messages.update(ref, id, { content }, undefined);
    const [first, second, third] = append.messages.map(({ id }) => id);
    await edit(first ?? "");
    await edit(second ?? "");
    expect(await messages.append(ref, append)).toMatchObject({ isRepeated: true });

    await edit(third ?? "");

    const before = await sessions.get(ref);
    await expect(messages.append(ref, append)).rejects.toMatchObject({
      code: "resource_exhausted",
      reason: "LIMIT_EXCEEDED",
      message: expect.stringContaining("read them with ListMessages"),
    });
    expect(await sessions.get(ref)).toEqual(before);
  });

  it("stores once what is sent many times at once", async () => {
    const another = suite.isShared ? await suite.openAnother() : suite.storage;
    const ref = await createSession(suite.storage);
    const append = { ...appendOf(newMessage(), newMessage()), agentStates: [newState()] };

    const appended = await Promise.all(
      Array.from({ length: 12 }, (_, index) =>
        (index % 2 === 0 ? suite.storage : another).messages.append(ref, append),
      ),
    );

    const [first, ...repeated] = appended.toSorted((a, b) => +a.isRepeated - +b.isRepeated);
    expect(first).toMatchObject({ headSequence: 2, revision: 2, isRepeated: false });
    for (const each of repeated) expect(each).toEqual({ ...first, isRepeated: true });
  });
}
