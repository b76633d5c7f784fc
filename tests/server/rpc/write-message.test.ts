import { Metadata, status } from "@grpc/grpc-js";
import {
  MessageService,
  MessageStatus,
  Role,
  WriteMessageRequestSchema,
  type WriteMessageResponse,
  WriteMessageResponseSchema,
} from "@mofa-state/proto/mofa/state/v1/message_pb.js";
import { describe, expect, it } from "vitest";
import { newUuid } from "../../../server/src/domain/uuid.js";
import { writeHandlers } from "../../../server/src/rpc/write-handlers.js";
import {
  createWrittenSession,
  type WritingSample,
  type WrittenSession,
} from "../domain/writing/written-session.js";
import { RawDuplex } from "./raw-duplex.js";
import { detailsOf, type RawCallOptions, type RawPair, startRaw } from "./raw-grpc.js";

const WRITE = "/mofa.state.v1.MessageService/WriteMessage";

type Duplex = RawDuplex<typeof WriteMessageRequestSchema, typeof WriteMessageResponseSchema>;

interface Served extends RawPair {
  readonly session: WrittenSession;
  open(options?: Omit<RawCallOptions, "signal">): Duplex;
}

async function serve(given: WritingSample = {}): Promise<Served> {
  const session = await createWrittenSession(given);
  const pair = await startRaw((server) =>
    server.add(MessageService, writeHandlers(session.writes)),
  );
  const metadata = new Metadata();
  metadata.set("x-tenant-id", session.ref.tenantId);
  const open = (options = {}) => {
    const call = pair.client.bidi(WRITE, { metadata, ...options });
    return new RawDuplex(call, WriteMessageRequestSchema, WriteMessageResponseSchema);
  };
  return { ...pair, session, open };
}

/** Begins a message, and gives its first answer. */
async function start(served: Served, duplex: Duplex, id = newUuid()) {
  const { sessionId } = served.session.ref;
  const message = { id, role: Role.ASSISTANT };
  duplex.send({ write: { case: "start", value: { sessionId, message, writerId: newUuid() } } });
  return duplex.next();
}

function text(duplex: Duplex, offset: number, added: string): void {
  const value = { offset: BigInt(offset), delta: { case: "text" as const, value: added } };
  duplex.send({ write: { case: "delta", value } });
}

function writeOf(reply: WriteMessageResponse | undefined) {
  return reply?.write.value;
}

describe("WriteMessage", () => {
  it("writes a message piece by piece", async () => {
    const served = await serve({ checkpointBytes: 1 });
    const duplex = served.open();

    const first = await start(served, duplex);
    text(duplex, 0, "Grüße");
    const stored = await duplex.next();
    const part = { part: { case: "data" as const, value: { json: "1" } } };
    const delta = { case: "part" as const, value: part };
    duplex.send({ write: { case: "delta", value: { partIndex: 0, delta } } });
    await duplex.next();
    duplex.send({ write: { case: "finish", value: { tokenCount: 3 } } });
    const last = await duplex.next();

    expect(writeOf(first)).toMatchObject({ offset: 0n, partCount: 0, sequence: 1n });
    expect(writeOf(stored)).toMatchObject({ offset: 7n, partCount: 0, sequence: 1n });
    expect(writeOf(last)).toMatchObject({
      content: "Grüße",
      parts: [part],
      status: MessageStatus.COMPLETE,
      tokenCount: 3,
      sequence: 1n,
    });
    expect(await duplex.error).toBeUndefined();
  });

  it("ends a message as interrupted that its writer says is cut short", async () => {
    const served = await serve();
    const duplex = served.open();
    await start(served, duplex);

    const value = { status: MessageStatus.INTERRUPTED };
    duplex.send({ write: { case: "finish", value } });

    expect(writeOf(await duplex.next())).toMatchObject(value);
  });

  it("interrupts a message whose writer ends its side", async () => {
    const served = await serve();
    const duplex = served.open();
    await start(served, duplex);
    text(duplex, 0, "half");

    duplex.call.end();

    const interrupted = { content: "half", status: MessageStatus.INTERRUPTED };
    expect(writeOf(await duplex.next())).toMatchObject(interrupted);
    expect(await duplex.error).toBeUndefined();
  });

  it("tells what is wrong with a delta, with details", async () => {
    const served = await serve();
    const duplex = served.open();
    await start(served, duplex);

    text(duplex, 4, "gap");
    const error = await duplex.error;

    expect(error?.code).toBe(status.ABORTED);
    expect(error && detailsOf(error).info).toMatchObject({
      reason: "OFFSET_MISMATCH",
      metadata: { expected: "0", actual: "4" },
    });
  });

  it.each([
    ["write", {}],
    ["delta", { write: { case: "delta" as const, value: {} } }],
    [
      "finish.status",
      { write: { case: "finish" as const, value: { status: MessageStatus.STREAMING } } },
    ],
  ])("refuses a request without a sound %s", async (field, request) => {
    const served = await serve();
    const duplex = served.open();
    await start(served, duplex);

    duplex.send(request);
    const error = await duplex.error;

    expect(error?.code).toBe(status.INVALID_ARGUMENT);
    expect(error && detailsOf(error).badRequest).toMatchObject({ fieldViolations: [{ field }] });
  });

  it("does not know sessions of another tenant", async () => {
    const served = await serve();
    const duplex = served.open({ metadata: new Metadata() });

    await start(served, duplex);

    expect((await duplex.error)?.code).toBe(status.NOT_FOUND);
  });

  it("keeps what came before a request that cannot be read, and ends", async () => {
    const served = await serve();
    const duplex = served.open();
    await start(served, duplex);
    text(duplex, 0, "kept");

    duplex.call.write(Buffer.from([0x0a, 0x7f]));

    expect((await duplex.error)?.code).toBe(status.INVALID_ARGUMENT);
    const kept = { content: "kept", status: "streaming" };
    expect(await served.session.stored()).toMatchObject(kept);
  });

  it.each<[string, (duplex: Duplex, served: Served) => unknown, status]>([
    ["a client cancels", (duplex) => duplex.call.cancel(), status.CANCELLED],
    ["the deadline passes", () => {}, status.DEADLINE_EXCEEDED],
    [
      "the server closes",
      (_, served) => served.server.close({ graceMs: 5_000 }),
      status.UNAVAILABLE,
    ],
  ])(
    "keeps what it was sent, and leaves the message to any writer, when %s",
    async (_, cut, code) => {
      const served = await serve();
      const { session } = served;
      const passes = code === status.DEADLINE_EXCEEDED;
      const duplex = served.open(passes ? { deadline: Date.now() + 300 } : {});
      const id = newUuid();
      await start(served, duplex, id);
      text(duplex, 0, "kept");
      await session.announced.untilShown(1);

      void cut(duplex, served);
      expect((await duplex.error)?.code).toBe(code);
      await session.writes.close();

      const kept = { content: "kept", status: "streaming" };
      expect(await session.stored()).toMatchObject(kept);
      const { writer } = session.start({ header: { id }, writerId: newUuid() });
      expect(await writer.acknowledged()).toMatchObject({ messageId: id, offset: 4 });
    },
  );
});
