import { describe, expect, it } from "vitest";
import { SILENT_LOGGER } from "../../../../server/src/domain/log.js";
import { newUuid } from "../../../../server/src/domain/uuid.js";
import { LeaseSweeper } from "../../../../server/src/domain/writing/lease-sweeper.js";
import type { WriteInput } from "../../../../server/src/domain/writing/write-input.js";
import { appendOf, newMessage } from "../../../storage/contract/samples.js";
import { deferred } from "../../../support/deferred.js";
import { callInput } from "../call-input.js";
import { startOf } from "./writer.js";
import { createWrittenSession } from "./written-session.js";

type StartSample = Parameters<typeof startOf>[0];

describe("a start", () => {
  it.each<[string, StartSample]>([
    ["start.session_id", { sessionId: "x" }],
    ["start.writer_id", { writerId: "x" }],
    ["start.expected_head_sequence", { expectedHeadSequence: -1 }],
    ["start.message.id", { header: { id: "x" } }],
    ["start.message.role", { header: { role: undefined } }],
    ["start.message.content", { header: { content: "x" } }],
    ["start.message.parts", { header: { parts: [{ type: "data", json: "1" }] } }],
    ["start.message.metadata", { header: { metadata: { "": "\0" } } }],
    ["start.message.token_count", { header: { tokenCount: -1 } }],
  ])("is refused with a bad %s", async (field, given) => {
    const session = await createWrittenSession();

    const { writer } = session.start(given);

    await expect(writer.ended()).rejects.toMatchObject({
      code: "invalid_argument",
      violations: [{ field }],
    });
    await expect(session.stored()).rejects.toThrow("nothing was written");
  });

  it("is refused without a message", async () => {
    const session = await createWrittenSession();
    const writer = session.open();

    writer.send({ ...startOf(session.ref), message: undefined });

    await expect(writer.ended()).rejects.toMatchObject({
      violations: [{ field: "start.message" }],
    });
  });

  it("is refused where the head is another, or the id is another message's", async () => {
    const session = await createWrittenSession();
    const appended = newMessage();
    await session.storage.messages.append(session.ref, appendOf(appended));

    const { writer: late } = session.start({ expectedHeadSequence: 0 });
    const { writer: taken } = session.start({ header: { id: appended.id } });

    await expect(late.ended()).rejects.toMatchObject({ reason: "SEQUENCE_CONFLICT" });
    await expect(taken.ended()).rejects.toMatchObject({ reason: "ID_REUSED" });
  });

  it("is refused while another writer holds the message, and takes it over from its own", async () => {
    const session = await createWrittenSession({ checkpointBytes: 1 });
    const { writer, start } = session.start({ writerId: newUuid() });
    await writer.acknowledged();

    const { writer: other } = session.start({ ...start, writerId: newUuid() });
    await expect(other.ended()).rejects.toMatchObject({ reason: "WRITER_ACTIVE" });
    const { writer: again } = session.start(start);
    await again.acknowledged();
    writer.text(0, "late");

    await expect(writer.ended()).rejects.toMatchObject({ reason: "WRITER_REPLACED" });
    again.text(0, "new");
    again.finish();
    expect((await again.message()).content).toBe("new");
  });
});

describe("a stream of requests", () => {
  const delta: WriteInput = { type: "text", offset: 0, text: "x" };

  it.each<[string, readonly WriteInput[]]>([
    ["nothing", []],
    ["a delta", [delta]],
    ["what says nothing", [{ type: "none", field: "write" }]],
  ])("is refused that begins with %s", async (_, inputs) => {
    const session = await createWrittenSession();
    const writer = session.open();

    writer.send(...inputs);
    writer.end();

    await expect(writer.ended()).rejects.toMatchObject({
      code: "invalid_argument",
      violations: [{ field: "start" }],
    });
  });

  it.each<[string, WriteInput]>([
    ["start", startOf({})],
    ["write", { type: "none", field: "write" }],
    ["delta", { type: "none", field: "delta" }],
    ["delta.offset", { ...delta, offset: -1 }],
    ["delta.text", { ...delta, offset: 4, text: "a\0" }],
    ["delta.part", { type: "part", partIndex: 0, part: undefined }],
    ["delta.part.data.json", { type: "part", partIndex: 0, part: { type: "data", json: "{" } }],
    ["delta.part_index", { type: "part", partIndex: -1, part: { type: "data", json: "1" } }],
    ["finish.parts[0]", finish({ parts: [undefined] })],
    ["finish.status", finish({ status: undefined })],
    ["finish.token_count", finish({ tokenCount: -1 })],
    ["finish.api_call.model", finish({ apiCall: callInput({ model: "" }) })],
  ])("is ended by a bad %s, and keeps what came before", async (field, bad) => {
    const session = await createWrittenSession();
    const { writer, start } = session.start();
    writer.text(0, "good");

    writer.send(bad);

    await expect(writer.ended()).rejects.toMatchObject({
      code: "invalid_argument",
      violations: [{ field }],
    });
    expect(await session.stored()).toMatchObject({ content: "good", status: "streaming" });
    const { writer: other } = session.start({ ...start, writerId: newUuid() });
    expect(await other.acknowledged()).toMatchObject({ offset: 4 });
  });
});

function finish(given: object): WriteInput {
  const finish = { parts: [], status: "complete", tokenCount: undefined } as const;
  return { type: "finish", apiCall: undefined, ...finish, ...given };
}

describe("a writing that cannot go on", () => {
  it.each(["MESSAGE_DELETED", "SESSION_DELETED"])(
    "ends with %s soon, though nothing is sent",
    async (reason) => {
      const session = await createWrittenSession({ leaseMs: 30 });
      const { storage, ref } = session;
      const { writer } = session.start();
      const { messageId } = await writer.acknowledged();

      if (reason === "SESSION_DELETED") await storage.sessions.delete(ref);
      else await storage.messages.delete(ref, messageId);

      await expect(writer.ended()).rejects.toMatchObject({ code: "not_found", reason });
    },
  );

  it("ends with WRITE_INTERRUPTED where its lease ran out", async () => {
    const session = await createWrittenSession({
      leaseMs: 60,
      // As if the server had been held up for longer than the lease.
      through: (writes) => ({
        async renew(...given) {
          while ((await writes.interruptExpired()).length === 0);
          await writes.renew(...given);
        },
      }),
    });

    const { writer } = session.start();

    await expect(writer.ended()).rejects.toMatchObject({ reason: "WRITE_INTERRUPTED" });
    expect((await session.stored()).status).toBe("interrupted");
  });

  it("ends with UNAVAILABLE without the database, and stores nothing twice", async () => {
    const checkpoints: string[] = [];
    const session = await createWrittenSession({
      checkpointBytes: 1,
      through: (writes) => ({
        // It takes effect, but the answer is lost.
        async checkpoint(...given) {
          checkpoints.push(given[1].text);
          await writes.checkpoint(...given);
          await session.storage.close();
          return writes.checkpoint(...given);
        },
      }),
    });
    const { writer } = session.start();
    await writer.acknowledged();

    writer.text(0, "once");

    await expect(writer.ended()).rejects.toMatchObject({ code: "unavailable" });
    await session.writes.close();
    expect(checkpoints).toEqual(["once"]);
    expect(session.announced.checkpoints).toEqual([]);
  });

  it("tells of a defect where the answers are, and the process lives on", async () => {
    const session = await createWrittenSession({
      checkpointBytes: 1,
      through: () => ({ checkpoint: () => Promise.reject(new TypeError("a defect")) }),
    });
    const { writer } = session.start();

    writer.text(0, "x");

    await expect(writer.ended()).rejects.toThrow(TypeError);
  });
});

describe("the sweeper of leases", () => {
  it("goes on after a failure, which it logs once, and interrupts what is left", async () => {
    const session = await createWrittenSession({ leaseMs: 1 });
    const { ref, storage } = session;
    const write = { message: newMessage({ content: "" }), writerId: newUuid(), leaseMs: 1 };
    await storage.writes.start(ref, { ...write, expectedHeadSequence: undefined });
    const log: string[] = [];
    const swept = deferred<readonly string[]>();
    let looks = 0;

    const sweeper = new LeaseSweeper({
      writes: {
        async interruptExpired() {
          looks += 1;
          if (looks <= 3) throw new Error("the database does not answer");
          const sessionIds = await storage.writes.interruptExpired();
          if (sessionIds.length > 0) swept.resolve(sessionIds);
          return sessionIds;
        },
      },
      intervalMs: 1,
      logger: {
        ...SILENT_LOGGER,
        warn: () => log.push("warn"),
        info: () => log.push("info"),
      },
    });
    const sessionIds = await swept.promise;
    sweeper.stop();

    expect(sessionIds).toEqual([ref.sessionId]);
    expect((await session.stored()).status).toBe("interrupted");
    expect(log[0]).toBe("warn");
    expect(log.filter((level) => level === "warn")).toHaveLength(1);
  });
});
