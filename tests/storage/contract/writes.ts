import { expect, it } from "vitest";
import type { Part } from "../../../server/src/domain/model.js";
import { measureMessage } from "../../../server/src/domain/new-message.js";
import { newUuid } from "../../../server/src/domain/uuid.js";
import { stopClock } from "./fixed-clock.js";
import {
  appendOf,
  createSession,
  EVERYTHING,
  endOf,
  LONG_LEASE_MS,
  newMessage,
  newWrite,
  startWrite,
  textOf,
  WIDE,
} from "./samples.js";
import type { StorageSuite } from "./storage-suite.js";

const REASONING: Part = { type: "reasoning", text: "why", signature: "s" };
const CALL: Part = { type: "tool_call", id: "c", name: "n", argumentsJson: "{}" };

/** Tests WriteStorage from a start to its finish. */
export function testWrites(suite: StorageSuite): void {
  it("appends a message that is streaming, in its place", async () => {
    const { storage } = suite;
    const session = await createSession(storage);
    await storage.messages.append(session, appendOf(newMessage()));
    const header = { metadata: { a: 1 }, pinned: true, raw: { data: Buffer.of(1), mediaType: "" } };

    const { started, write } = await startWrite(storage, session, {
      header,
      expectedHeadSequence: 1,
    });

    const { requestHash: _, bytes, ...given } = write.message;
    const place = { sequence: 2, version: 1, revision: 3, sessionId: session.sessionId };
    expect(started).toMatchObject({ isNew: true, headSequence: 2, revision: 3 });
    expect(started.message).toMatchObject({ ...given, ...place, status: "streaming", bytes });
    expect(await storage.messages.get(session, write.message.id)).toEqual(started.message);
    const counts = { headSequence: 2, messageCount: 2, revision: 3, version: 1 };
    expect(await storage.sessions.get(session)).toMatchObject(counts);
  });

  it("adds text and parts checkpoint by checkpoint, each in a revision of its own", async () => {
    const { writes, messages, sessions } = suite.storage;
    const move = stopClock(new Date("2026-03-01T00:00:00.000Z"));
    const session = await createSession(suite.storage);
    const { ref, started } = await startWrite(suite.storage, session);
    const updatedAt = new Date("2026-03-01T00:00:00.250Z");
    move(updatedAt);

    const revisions = [
      await writes.checkpoint(ref, textOf("Hello"), LONG_LEASE_MS),
      await writes.checkpoint(ref, { text: ", 😀", parts: [REASONING] }, LONG_LEASE_MS),
      await writes.checkpoint(ref, { text: "", parts: [CALL] }, LONG_LEASE_MS),
      await writes.checkpoint(ref, textOf(" world"), LONG_LEASE_MS),
    ];

    expect(revisions).toEqual([3, 4, 5, 6]);
    const content = { content: "Hello, 😀 world", parts: [REASONING, CALL] };
    const expected = { ...started.message, ...content, revision: 6, updatedAt };
    const message = await messages.get(session, ref.messageId);
    expect(message).toEqual({ ...expected, bytes: measureMessage(expected) });
    expect(await sessions.get(session)).toMatchObject({ revision: 6, updatedAt, headSequence: 1 });
  });

  it("adds the last text, and sets parts, status and tokens, in one revision", async () => {
    const { writes, messages, sessions } = suite.storage;
    const session = await createSession(suite.storage);
    const { ref, started } = await startWrite(suite.storage, session, {
      header: { tokenCount: 1 },
    });
    await writes.checkpoint(ref, { text: "Hello", parts: [CALL] }, LONG_LEASE_MS);

    const finished = await writes.finish(
      ref,
      endOf({ text: " 😀", parts: [CALL], allParts: [REASONING], tokenCount: 7 }),
    );

    const { updatedAt } = finished.message;
    const content = { content: "Hello 😀", parts: [REASONING], tokenCount: 7 };
    const end = { status: "complete", revision: 4, updatedAt } as const;
    const message = { ...started.message, ...content, ...end };
    expect(finished).toEqual({
      message: { ...message, bytes: measureMessage(message) },
      revision: 4,
    });
    expect(await messages.get(session, ref.messageId)).toEqual(finished.message);
    expect(await sessions.get(session)).toMatchObject({ revision: 4, messageCount: 1 });
    expect(await suite.storage.changes.messagesBeingWritten(session)).toEqual([]);
  });

  it("keeps at its end what is not said anew", async () => {
    const { writes } = suite.storage;
    const session = await createSession(suite.storage);
    const { ref } = await startWrite(suite.storage, session, { header: { tokenCount: 3 } });
    await writes.checkpoint(ref, { text: "Hello", parts: [CALL] }, LONG_LEASE_MS);

    const end = endOf({ parts: [REASONING], status: "interrupted" });
    const { message } = await writes.finish(ref, end);

    const kept = { content: "Hello", parts: [CALL, REASONING], tokenCount: 3 };
    expect(message).toMatchObject({ ...kept, status: "interrupted" });
  });

  it("answers a repeated start of a finished message with the message alone", async () => {
    const { writes, sessions, messages } = suite.storage;
    const session = await createSession(suite.storage);
    const { ref, write } = await startWrite(suite.storage, session);
    await writes.finish(ref, endOf({ text: "Hello" }));
    const edited = await messages.update(session, ref.messageId, { content: "Bye" }, undefined);
    const before = await sessions.get(session);

    const repeated = await writes.start(session, { ...write, expectedHeadSequence: 0 });

    const answer = { epoch: undefined, isNew: false, headSequence: 1, revision: 4 };
    expect(repeated).toEqual({ ...answer, message: edited });
    expect(await sessions.get(session)).toEqual(before);
  });

  it("refuses an id that another message has, and one that was deleted", async () => {
    const { messages, sessions, writes } = suite.storage;
    const session = await createSession(suite.storage);
    const message = newMessage();
    const deleted = newMessage();
    await messages.append(session, appendOf(message, deleted));
    await messages.delete(session, deleted.id);
    const before = await sessions.get(session);

    for (const [id, reason] of [
      [message.id, "ID_REUSED"],
      [deleted.id, "MESSAGE_DELETED"],
    ] as const) {
      const start = writes.start(session, newWrite({ header: { id }, expectedHeadSequence: 9 }));
      await expect(start).rejects.toMatchObject({ code: "already_exists", reason });
    }

    expect(await sessions.get(session)).toEqual(before);
  });

  it("refuses a new message where the head is not the expected one", async () => {
    const { writes, sessions } = suite.storage;
    const session = await createSession(suite.storage);
    await startWrite(suite.storage, session);

    const start = writes.start(session, newWrite({ expectedHeadSequence: 0 }));

    const metadata = { expected: "0", actual: "1" };
    const refusal = { code: "aborted", reason: "SEQUENCE_CONFLICT", metadata };
    await expect(start).rejects.toMatchObject(refusal);
    expect(await sessions.get(session)).toMatchObject({ headSequence: 1, revision: 2 });
  });

  it("refuses to edit a message that is being written, unless nothing differs", async () => {
    const { messages, sessions } = suite.storage;
    const session = await createSession(suite.storage);
    const { ref, started } = await startWrite(suite.storage, session);

    const edit = messages.update(session, ref.messageId, { content: "x" }, 9);

    const refusal = { code: "failed_precondition", reason: "MESSAGE_IN_PROGRESS" };
    await expect(edit).rejects.toMatchObject(refusal);
    const same = await messages.update(session, ref.messageId, { content: "" }, undefined);
    expect(same).toEqual(started.message);
    expect(await sessions.get(session)).toMatchObject({ revision: 2 });
  });

  it("puts pieces together exactly, wherever they are cut", async () => {
    const { writes, messages } = suite.storage;
    const session = await createSession(suite.storage);
    const { ref } = await startWrite(suite.storage, session);
    const text = "a😀'\\\\\"%_ \n\r\t  ‎𐍈é ";
    const pieces = [...text, ...text];

    for (const piece of pieces) await writes.checkpoint(ref, textOf(piece), LONG_LEASE_MS);

    const message = await messages.get(session, ref.messageId);
    expect(message.content).toBe(text + text);
    expect(message.bytes).toBe(measureMessage(message));
  });

  it("writes a message of many megabytes, and reads it in pages with others", async () => {
    const { writes, messages } = suite.storage;
    const session = await createSession(suite.storage);
    const { ref } = await startWrite(suite.storage, session);
    await messages.append(session, appendOf(newMessage()));
    const piece = "😀".repeat(256 * 1024);

    for (let count = 0; count < 4; count++) {
      await writes.checkpoint(ref, textOf(piece), LONG_LEASE_MS);
    }

    const { content } = await messages.get(session, ref.messageId);
    expect(content === piece.repeat(4)).toBe(true);
    const page = await messages.read(session, EVERYTHING, { maxItems: 10, maxBytes: 1024 * 1024 });
    expect([page.items.length, page.hasMore]).toEqual([1, true]);
    const { message } = await writes.finish(ref, endOf({ text: "." }));
    expect(message.content === `${piece.repeat(4)}.`).toBe(true);
  });

  it("refuses what would make the message larger than the largest request", async () => {
    const { writes, messages } = suite.storage;
    const session = await createSession(suite.storage);
    const { ref } = await startWrite(suite.storage, session);
    const half = "x".repeat(8 * 1024 * 1024);
    await writes.checkpoint(ref, textOf(half), LONG_LEASE_MS);
    const before = await messages.get(session, ref.messageId);

    const part: Part = { type: "reasoning", text: half, signature: "" };
    const refused = [
      writes.checkpoint(ref, textOf(half), LONG_LEASE_MS),
      writes.checkpoint(ref, { text: "", parts: [part] }, LONG_LEASE_MS),
      writes.finish(ref, endOf({ text: half })),
    ];

    const refusal = { code: "resource_exhausted", reason: "LIMIT_EXCEEDED" };
    for (const call of refused) await expect(call).rejects.toMatchObject(refusal);
    expect(await messages.get(session, ref.messageId)).toEqual(before);
    await writes.finish(ref, endOf());
  });

  it("leaves sequences and revisions without gaps among appends", async () => {
    const { storage } = suite;
    const other = suite.isShared ? await suite.openAnother() : storage;
    const session = await createSession(storage);
    const { ref } = await startWrite(storage, session);
    const write = async () => {
      for (let count = 0; count < 10; count++) {
        await storage.writes.checkpoint(ref, textOf(`${count}`), LONG_LEASE_MS);
      }
      await storage.writes.finish(ref, endOf({ text: "." }));
    };
    const append = async () => {
      for (let count = 0; count < 10; count++) {
        await other.messages.append(session, appendOf(newMessage()));
      }
    };

    await Promise.all([write(), append(), append()]);

    const { items } = await storage.messages.read(session, EVERYTHING, WIDE);
    expect(items.map(({ sequence }) => sequence)).toEqual(
      Array.from({ length: 21 }, (_, index) => index + 1),
    );
    expect(items[0]).toMatchObject({ content: "0123456789.", status: "complete" });
    expect(await storage.sessions.get(session)).toMatchObject({
      headSequence: 21,
      messageCount: 21,
      revision: 2 + 11 + 20,
    });
  });

  it("keeps the messages of writers apart that have one session", async () => {
    const { storage } = suite;
    const session = await createSession(storage);
    const writers = await Promise.all(
      ["a", "b", "c"].map(async (letter) => {
        const { ref } = await startWrite(storage, session, { writerId: newUuid() });
        return { ref, letter };
      }),
    );

    await Promise.all(
      writers.map(async ({ ref, letter }) => {
        for (let count = 0; count < 5; count++) {
          await storage.writes.checkpoint(ref, textOf(letter), LONG_LEASE_MS);
        }
        await storage.writes.finish(ref, endOf());
      }),
    );

    for (const { ref, letter } of writers) {
      const { content } = await storage.messages.get(session, ref.messageId);
      expect(content).toBe(letter.repeat(5));
    }
  });
}
