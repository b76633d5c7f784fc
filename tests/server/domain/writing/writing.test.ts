import { describe, expect, it } from "vitest";
import type { Part } from "../../../../server/src/domain/model.js";
import { newUuid } from "../../../../server/src/domain/uuid.js";
import { deferred } from "../../../support/deferred.js";
import { createWrittenSession } from "./written-session.js";

const CALL: Part = { type: "tool_call", id: "1", name: "search", argumentsJson: "{}" };
const RESULT: Part = { type: "tool_result", callId: "1", text: "found", isError: false };

describe("a message that is written", () => {
  it("has its sequence and is streaming from its start on", async () => {
    const session = await createWrittenSession();
    const id = newUuid();

    const { writer } = session.start({ header: { id, pinned: true } });

    const first = { messageId: id, sequence: 1, offset: 0, partCount: 0 };
    expect(await writer.acknowledged()).toMatchObject(first);
    expect(await session.stored()).toMatchObject({ id, status: "streaming", pinned: true });
  });

  it("is shown delta by delta before anything of it is stored", async () => {
    const session = await createWrittenSession();
    const { writer } = session.start();

    writer.text(0, "Grüß ");
    writer.part(0, CALL);
    writer.text(7, "Gott");
    await session.announced.untilShown(3);

    expect(session.announced.shown).toMatchObject([
      { sequence: 1, offset: 0, text: "Grüß ", partIndex: 0, parts: [] },
      { sequence: 1, offset: 7, text: "", partIndex: 0, parts: [CALL] },
      { sequence: 1, offset: 7, text: "Gott", partIndex: 1, parts: [] },
    ]);
    expect(await session.stored()).toMatchObject({ content: "", parts: [] });
  });

  it("is stored and acknowledged some time after text came", async () => {
    const session = await createWrittenSession({ checkpointIntervalMs: 5 });
    const { writer } = session.start();
    await writer.acknowledged();

    writer.text(0, "Hello, ");
    const first = await writer.acknowledged();
    writer.text(7, "world");
    writer.part(0, CALL);
    const second = await writer.untilOffset(12);

    expect(first).toMatchObject({ sequence: 1, offset: 7, partCount: 0 });
    expect(second).toMatchObject({ offset: 12, partCount: 1 });
    expect(await session.stored()).toMatchObject({
      content: "Hello, world",
      parts: [CALL],
      status: "streaming",
    });
  });

  it("is stored at once where enough text has come", async () => {
    const session = await createWrittenSession({ checkpointBytes: 10 });
    const { writer } = session.start();
    await writer.acknowledged();

    writer.text(0, "12345");
    writer.text(5, "67890");

    expect(await writer.acknowledged()).toMatchObject({ offset: 10 });
    const revision = 3;
    const checkpoint = { revision, sequence: 1, offset: 10, partCount: 0 };
    expect(session.announced.checkpoints).toEqual([checkpoint]);
    expect(await session.stored()).toMatchObject({ content: "1234567890", revision });
  });

  it("takes and shows text while what came before is being stored", async () => {
    const gate = deferred<void>();
    const session = await createWrittenSession({
      checkpointBytes: 1,
      through: (writes) => ({
        checkpoint: async (...given) => {
          await gate.promise;
          return writes.checkpoint(...given);
        },
      }),
    });
    const { writer } = session.start();

    writer.text(0, "a");
    writer.text(1, "b");
    writer.text(2, "c");
    await session.announced.untilShown(3);
    gate.resolve();
    await writer.untilOffset(3);

    expect(session.announced.checkpoints.map(({ offset }) => offset)).toEqual([1, 3]);
    expect((await session.stored()).content).toBe("abc");
  });

  it("is read no further while too much of it is not stored", async () => {
    const gate = deferred<void>();
    const session = await createWrittenSession({
      checkpointBytes: 1,
      through: (writes) => ({
        checkpoint: async (...given) => {
          await gate.promise;
          return writes.checkpoint(...given);
        },
      }),
    });
    const { writer } = session.start();
    const piece = "x".repeat(16 * 1024);

    for (let count = 0; count < 20; count += 1) writer.text(count * piece.length, piece);
    // The first piece is being stored, and five more are more than 64 KiB.
    await session.announced.untilShown(6);
    await session.stored();
    const heldUp = writer.readCount;
    gate.resolve();
    await writer.untilOffset(20 * piece.length);

    expect(heldUp).toBe(1 + 6);
    expect(session.announced.shown).toHaveLength(20);
  });

  it("ends with what finish says, in one transaction with the last text", async () => {
    const session = await createWrittenSession();
    const { writer } = session.start({ header: { tokenCount: 1 } });
    writer.text(0, "done");
    writer.part(0, CALL);

    writer.finish({ parts: [CALL, RESULT], tokenCount: 9 });
    const message = await writer.message();

    expect(message).toMatchObject({
      content: "done",
      parts: [CALL, RESULT],
      status: "complete",
      tokenCount: 9,
      revision: 3,
    });
    await writer.ended();
    expect(await session.stored()).toEqual(message);
  });

  it("keeps the parts and the token count that it has where finish names none", async () => {
    const session = await createWrittenSession();
    const { writer } = session.start({ header: { tokenCount: 1 } });
    writer.part(0, CALL);

    writer.finish({ status: "interrupted" });

    const kept = { parts: [CALL], status: "interrupted", tokenCount: 1 };
    expect(await writer.message()).toMatchObject(kept);
  });

  it("is interrupted when the requests end without finish", async () => {
    const session = await createWrittenSession();
    const { writer } = session.start();
    writer.text(0, "half an ans");

    writer.end();

    const interrupted = { content: "half an ans", status: "interrupted" };
    expect(await writer.message()).toMatchObject(interrupted);
    await writer.ended();
  });

  it("is given to who starts it again after it was finished", async () => {
    const session = await createWrittenSession();
    const { writer, start } = session.start();
    writer.text(0, "done");
    writer.finish();
    const message = await writer.message();

    const { writer: again } = session.start(start);

    expect(await again.message()).toEqual(message);
    await again.ended();
  });

  it("holds its writer's lease for as long as the stream is open", async () => {
    const renewed = deferred<void>();
    let renewals = 0;
    const leaseMs = 150;
    const session = await createWrittenSession({
      leaseMs,
      through: (writes) => ({
        async renew(...given) {
          await writes.renew(...given);
          renewals += 1;
          // Each comes a third of the lease after the one before.
          if (renewals === 6) renewed.resolve();
        },
      }),
    });
    const { writer } = session.start();
    await writer.acknowledged();

    await renewed.promise;

    expect(await session.storage.writes.interruptExpired()).toEqual([]);
    expect((await session.stored()).status).toBe("streaming");
  });
});

describe("a writer that is gone", () => {
  it("leaves what it was shown to have written, and the message to any other", async () => {
    const session = await createWrittenSession();
    const { writer, start } = session.start();
    writer.text(0, "kept");
    await session.announced.untilShown(1);

    writer.leave();
    await session.writes.close();
    const { writer: other } = session.start({ ...start, writerId: newUuid() });

    expect(await other.acknowledged()).toMatchObject({ offset: 4 });
    await writer.ended();
    other.text(4, ", and more");
    other.finish();
    expect(await other.message()).toMatchObject({ content: "kept, and more", status: "complete" });
  });

  it("releases a message whose start was still under way", async () => {
    const started = deferred<void>();
    const session = await createWrittenSession({
      through: (writes) => ({
        async start(...given) {
          const outcome = await writes.start(...given);
          started.resolve();
          return outcome;
        },
      }),
    });
    const { writer, start } = session.start();

    await started.promise;
    writer.leave();
    await session.writes.close();
    const { writer: other } = session.start({ ...start, writerId: newUuid() });

    expect(await other.acknowledged()).toMatchObject({ offset: 0 });
  });

  it("is not taken for one who ended the requests", async () => {
    const session = await createWrittenSession();
    const { writer } = session.start();
    writer.text(0, "x");
    await session.announced.untilShown(1);

    writer.end();
    writer.leave();
    await session.writes.close();

    expect(await session.stored()).toMatchObject({ content: "x", status: "streaming" });
  });
});
