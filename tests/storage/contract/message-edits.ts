import { expect, it } from "vitest";
import type { Message } from "../../../server/src/domain/model.js";
import { measureMessage } from "../../../server/src/domain/new-message.js";
import type { MessageChange, SessionRef } from "../../../server/src/domain/storage.js";
import { newUuid } from "../../../server/src/domain/uuid.js";
import { stopClock } from "./fixed-clock.js";
import { appendOf, createSession, type MessageSample, newMessage } from "./samples.js";
import type { StorageSuite } from "./storage-suite.js";

/** Changes of each field, to something and to nothing. */
const CHANGES: readonly MessageChange[] = [
  { content: "other" },
  { content: "" },
  { parts: [{ type: "reasoning", text: "why", signature: "s" }] },
  { parts: [] },
  { metadata: { b: [2] } },
  { metadata: {} },
  { raw: { data: Buffer.from([1, 2]), mediaType: "a/b" } },
  { raw: undefined },
  { pinned: false },
  { tokenCount: 0 },
  { tokenCount: undefined },
  { content: "other", metadata: {}, pinned: false },
];

/** A message in which every field is set. */
const FULL: MessageSample = {
  role: "tool",
  content: "content",
  parts: [{ type: "tool_result", callId: "c", text: "t", isError: true }],
  metadata: { a: 1 },
  raw: { data: Buffer.from([0, 255]), mediaType: "m/n" },
  pinned: true,
  tokenCount: 7,
};

/** Tests MessageStorage.update. */
export function testMessageEdits(suite: StorageSuite): void {
  async function write(
    given: MessageSample = FULL,
  ): Promise<{ ref: SessionRef; message: Message; id: string }> {
    const ref = await createSession(suite.storage);
    const { messages } = await suite.storage.messages.append(ref, appendOf(newMessage(given)));
    const [message] = messages;
    if (message === undefined) throw new Error("an append gave back no message");
    return { ref, message, id: message.id };
  }

  it("changes what is given, to nothing too, and keeps the rest", async () => {
    for (const change of CHANGES) {
      const { ref, message, id } = await write();

      const edited = await suite.storage.messages.update(ref, id, change, 1);

      const expected = { ...message, ...change, version: 2, revision: 3 };
      const { updatedAt } = edited;
      expect(edited).toEqual({ ...expected, updatedAt, bytes: measureMessage(expected) });
      expect(await suite.storage.messages.get(ref, id)).toEqual(edited);
    }
  });

  it("moves the time of the message and of its session, and raises the revision", async () => {
    const move = stopClock(new Date("2026-03-01T00:00:00.000Z"));
    const { ref, message, id } = await write();
    const updatedAt = new Date("2026-03-01T00:00:00.005Z");
    move(updatedAt);

    const edited = await suite.storage.messages.update(ref, id, { content: "x" }, undefined);

    expect(edited).toMatchObject({ createdAt: message.createdAt, updatedAt, revision: 3 });
    const session = await suite.storage.sessions.get(ref);
    const same = { version: 1, headSequence: 1, messageCount: 1 };
    expect(session).toMatchObject({ ...same, updatedAt, revision: 3 });
  });

  it("writes nothing if nothing differs, whatever version is expected", async () => {
    const move = stopClock(new Date("2026-03-01T00:00:00.000Z"));
    const { ref, message, id } = await write();
    const session = await suite.storage.sessions.get(ref);
    move(new Date("2026-03-02T00:00:00.000Z"));

    const { requestHash: _, bytes: __, role: ___, id: ____, ...same } = newMessage(FULL);
    const edited = await suite.storage.messages.update(ref, id, same, 9);

    expect(edited).toEqual(message);
    expect(await suite.storage.messages.get(ref, id)).toEqual(message);
    expect(await suite.storage.sessions.get(ref)).toEqual(session);
  });

  it("refuses to edit another version than the expected one", async () => {
    const { ref, id } = await write();
    const edited = await suite.storage.messages.update(ref, id, { content: "b" }, 1);

    const second = suite.storage.messages.update(ref, id, { content: "c" }, 1);

    await expect(second).rejects.toMatchObject({
      code: "aborted",
      reason: "VERSION_CONFLICT",
      metadata: { expected: "1", actual: "2" },
    });
    expect(await suite.storage.messages.get(ref, id)).toEqual(edited);
    expect(await suite.storage.sessions.get(ref)).toMatchObject({ revision: 3 });
  });

  it("lets one of the edits through that expect the same version at once", async () => {
    const { ref, id } = await write();

    const outcomes = await Promise.allSettled(
      ["a", "b", "c", "d"].map((content) => suite.storage.messages.update(ref, id, { content }, 1)),
    );

    expect(outcomes.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
    expect(await suite.storage.messages.get(ref, id)).toMatchObject({ version: 2, revision: 3 });
  });

  it("finds neither an unknown message nor one that was deleted", async () => {
    const { messages } = suite.storage;
    const { ref, id } = await write();
    await messages.delete(ref, id);

    const edit = (messageId: string) =>
      messages.update(ref, messageId, { content: "x" }, undefined);

    const code = "not_found";
    await expect(edit(newUuid())).rejects.toMatchObject({ code, reason: "MESSAGE_NOT_FOUND" });
    await expect(edit(id)).rejects.toMatchObject({ code, reason: "MESSAGE_DELETED" });
  });
}
