import { setImmediate as turnOfLoop } from "node:timers/promises";
import { create, fromBinary, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import { Metadata, status } from "@grpc/grpc-js";
import { type Status, StatusSchema } from "@mofa-state/proto/google/rpc/status_pb.js";
import {
  AppendMessagesRequestSchema,
  MessageService,
  PipelineAppendsRequestSchema,
  type PipelineAppendsResponse,
  PipelineAppendsResponseSchema,
  Role,
} from "@mofa-state/proto/mofa/state/v1/message_pb.js";
import { describe, expect, it, onTestFinished } from "vitest";
import { Feeds } from "../../../server/src/domain/follow/feeds.js";
import { DEFAULT_LIMITS } from "../../../server/src/domain/limits.js";
import { SILENT_LOGGER } from "../../../server/src/domain/log.js";
import { Messages } from "../../../server/src/domain/messages.js";
import type { MessageStorage, SessionRef, Storage } from "../../../server/src/domain/storage.js";
import { newUuid } from "../../../server/src/domain/uuid.js";
import { beginMessages } from "../../../server/src/rpc/message-encoder.js";
import { messageHandlers } from "../../../server/src/rpc/message-handlers.js";
import { pipelineHandlers } from "../../../server/src/rpc/pipeline-handlers.js";
import { createSession, EVERYTHING, WIDE } from "../../storage/contract/samples.js";
import { openForTest } from "../../storage/contract/storage-suite.js";
import { deferred } from "../../support/deferred.js";
import { PIPELINE } from "./message-calls.js";
import { RawDuplex } from "./raw-duplex.js";
import { type RawPair, startRaw } from "./raw-grpc.js";

const APPEND = "/mofa.state.v1.MessageService/AppendMessages";

type AppendInit = MessageInitShape<typeof AppendMessagesRequestSchema>;

type Pipeline = RawDuplex<
  typeof PipelineAppendsRequestSchema,
  typeof PipelineAppendsResponseSchema
>;

interface Served extends RawPair {
  readonly storage: Storage;
  readonly session: SessionRef;
  /** Gives the status that AppendMessages answers with. */
  refusal(append: AppendInit): Promise<Status>;
  open(): Pipeline;
}

/** Serves a session in memory; `append` stands before what the storage does. */
async function serve(
  through: (storage: Storage) => MessageStorage["append"] = ({ messages }) =>
    messages.append.bind(messages),
): Promise<Served> {
  const storage = await openForTest("memory:");
  const session = await createSession(storage);
  const feeds = new Feeds(storage, {
    pollIntervalMs: 60_000,
    heartbeatIntervalMs: 60_000,
    logger: SILENT_LOGGER,
  });
  onTestFinished(() => feeds.close());
  const appends = { append: through(storage) } as MessageStorage;
  const messages = new Messages({ ...storage, messages: appends } as Storage, DEFAULT_LIMITS, {
    feeds,
    encode: beginMessages,
  });
  const pair = await startRaw((server) =>
    server.add(MessageService, {
      ...messageHandlers(messages),
      ...pipelineHandlers(messages, SILENT_LOGGER),
    }),
  );
  const metadata = new Metadata();
  metadata.set("x-tenant-id", session.tenantId);
  const open = () => {
    const call = pair.client.bidi(PIPELINE, { metadata });
    return new RawDuplex(call, PipelineAppendsRequestSchema, PipelineAppendsResponseSchema);
  };
  const refusal = async (append: AppendInit) => {
    const schema = AppendMessagesRequestSchema;
    const request = toBinary(schema, create(schema, append));
    const { error } = await pair.client.unary(APPEND, request, { metadata });
    const [encoded] = error?.metadata.get("grpc-status-details-bin") ?? [];
    return fromBinary(StatusSchema, Uint8Array.from(Buffer.from(encoded ?? "")));
  };
  return { ...pair, storage, session, refusal, open };
}

function appendOf({ sessionId }: SessionRef, content: string, id = newUuid()): AppendInit {
  return { sessionId, messages: [{ id, role: Role.USER, content }] };
}

function outcomes(responses: readonly PipelineAppendsResponse[]) {
  return new Map(responses.map(({ requestId, outcome }) => [requestId, outcome.value]));
}

async function contentsOf({ storage }: Served, session: SessionRef): Promise<readonly string[]> {
  const { items } = await storage.messages.read(session, EVERYTHING, WIDE);
  return items.map(({ content }) => content);
}

/** Holds appends back, and tells when so many have come, and when so many are done. */
function heldAppends(count: number) {
  const [gate, full, done] = [deferred<void>(), deferred<void>(), deferred<void>()];
  let started = 0;
  let finished = 0;
  const through =
    ({ messages }: Storage): MessageStorage["append"] =>
    async (...given) => {
      started += 1;
      if (started === count) full.resolve();
      await gate.promise;
      const appended = await messages.append(...given);
      finished += 1;
      if (finished === count) done.resolve();
      return appended;
    };
  return { through, gate, full, done, started: () => started };
}

describe("PipelineAppends", () => {
  it("keeps the order within each session, and ends when all is answered", async () => {
    const served = await serve();
    const { tenantId } = served.session;
    const sessions = [served.session];
    for (let count = 0; count < 3; count += 1) {
      sessions.push(await createSession(served.storage, { tenantId }));
    }
    const pipeline = served.open();

    for (let count = 0; count < 800; count += 1) {
      const session = sessions[count % sessions.length] ?? served.session;
      pipeline.send({ requestId: `${count}`, append: appendOf(session, `${count}`) });
    }
    pipeline.call.end();
    const answers = outcomes(await pipeline.rest());

    expect(await pipeline.error).toBeUndefined();
    expect(answers.size).toBe(800);
    expect(answers.get("799")).toMatchObject({
      headSequence: 200n,
      messages: [{ sequence: 200n }],
    });
    for (const [index, session] of sessions.entries()) {
      const sent = Array.from({ length: 200 }, (_, round) => `${round * sessions.length + index}`);
      expect(await contentsOf(served, session)).toEqual(sent);
    }
  });

  it("answers one that fails as AppendMessages does, and goes on", async () => {
    const served = await serve();
    const unknown = appendOf({ ...served.session, sessionId: newUuid() }, "b");
    const pipeline = served.open();

    pipeline.send({ requestId: "1", append: appendOf(served.session, "a") });
    pipeline.send({ requestId: "2", append: unknown });
    pipeline.send({ requestId: "3", append: appendOf(served.session, "\0") });
    pipeline.send({ requestId: "4", append: appendOf(served.session, "d") });
    pipeline.call.end();
    const answers = outcomes(await pipeline.rest());

    expect(answers.get("1")).toMatchObject({ headSequence: 1n });
    expect(answers.get("2")).toEqual(await served.refusal(unknown));
    expect(answers.get("3")).toMatchObject({ code: status.INVALID_ARGUMENT });
    expect(answers.get("4")).toMatchObject({ headSequence: 2n });
  });

  it.each([
    ["append", "x", false],
    ["request_id", "ä".repeat(128), true],
  ])("answers a request with a bad %s under its id", async (_, requestId, hasAppend) => {
    const served = await serve();
    const pipeline = served.open();

    pipeline.send({ requestId, ...(hasAppend && { append: appendOf(served.session, "a") }) });
    const answer = await pipeline.next();
    pipeline.send({ requestId: "next", append: appendOf(served.session, "b") });
    const next = await pipeline.next();

    expect(answer).toMatchObject({
      requestId,
      outcome: { case: "error", value: { code: status.INVALID_ARGUMENT } },
    });
    expect(next).toMatchObject({
      requestId: "next",
      outcome: { case: "response", value: { headSequence: 1n } },
    });
    pipeline.call.cancel();
  });

  it("answers the same to an append that is repeated", async () => {
    const served = await serve();
    const append = appendOf(served.session, "once");
    const pipeline = served.open();

    pipeline.send({ requestId: "1", append });
    pipeline.send({ requestId: "2", append });
    pipeline.call.end();
    const answers = outcomes(await pipeline.rest());

    expect(answers.get("2")).toEqual(answers.get("1"));
    expect(await contentsOf(served, served.session)).toEqual(["once"]);
  });

  it("ends with the error of a request that cannot be read, after the answers before it", async () => {
    const served = await serve();
    const pipeline = served.open();

    pipeline.send({ requestId: "1", append: appendOf(served.session, "a") });
    pipeline.call.write(Buffer.from([0x0a, 0x7f]));

    expect(await pipeline.next()).toMatchObject({ requestId: "1", outcome: { case: "response" } });
    expect((await pipeline.error)?.code).toBe(status.INVALID_ARGUMENT);
  });

  it("reads no further than 32 requests while none is answered", async () => {
    const held = heldAppends(32);
    const served = await serve(held.through);
    const pipeline = served.open();
    for (let count = 0; count < 1_500; count += 1) {
      pipeline.send({ requestId: `${count}`, append: appendOf(served.session, "x") });
    }
    pipeline.call.end();

    await held.full.promise;
    for (let turn = 0; turn < 100; turn += 1) await turnOfLoop();
    const heldUp = held.started();
    held.gate.resolve();
    const responses = await pipeline.rest();

    expect(heldUp).toBe(32);
    expect(responses).toHaveLength(1_500);
  });

  it("reads no further while 16 MiB of answers are not read, however small the requests", async () => {
    let started = 0;
    const served = await serve(({ messages }) => (...given) => {
      started += 1;
      return messages.append(...given);
    });
    const id = newUuid();
    const append = appendOf(served.session, "small", id);
    const pipeline = served.open();
    pipeline.send({ requestId: "first", append });
    await pipeline.next();
    const content = "x".repeat(1024 * 1024);
    await served.storage.messages.update(served.session, id, { content }, undefined);

    for (let count = 0; count < 100; count += 1) pipeline.send({ requestId: `${count}`, append });
    pipeline.call.end();
    for (let turn = 0; turn < 1_000; turn += 1) await turnOfLoop();
    const heldUp = started;
    const responses = await pipeline.rest();

    expect(heldUp).toBeLessThan(60);
    expect(responses).toHaveLength(100);
  });

  it("reads no further while 16 MiB of requests are unanswered", async () => {
    const held = heldAppends(20);
    const served = await serve(held.through);
    const pipeline = served.open();
    const content = "x".repeat(17 * 50_000);
    for (let count = 0; count < 40; count += 1) {
      pipeline.send({ requestId: `${count}`, append: appendOf(served.session, content) });
    }
    pipeline.call.end();

    await held.full.promise;
    for (let turn = 0; turn < 100; turn += 1) await turnOfLoop();
    const heldUp = held.started();
    held.gate.resolve();
    const responses = await pipeline.rest();

    expect(heldUp).toBe(20);
    expect(responses).toHaveLength(40);
  });

  it.each<[string, (served: Served, pipeline: Pipeline) => unknown]>([
    ["the client cancels", (_, pipeline) => pipeline.call.cancel()],
    ["the server closes", (served) => served.server.close({ graceMs: 5_000 })],
  ])("stops reading when %s, and does what it has begun", async (_, cut) => {
    const { through, full, gate, done, started } = heldAppends(32);
    const served = await serve(through);
    const pipeline = served.open();
    for (let count = 0; count < 1_500; count += 1) {
      pipeline.send({ requestId: `${count}`, append: appendOf(served.session, "begun") });
    }

    await full.promise;
    void cut(served, pipeline);
    await pipeline.error;
    // The server hears of it later than the client.
    for (let turn = 0; turn < 100; turn += 1) await turnOfLoop();
    gate.resolve();
    await done.promise;

    const { headSequence } = await served.storage.sessions.get(served.session);
    expect(headSequence).toBe(32);
    expect(started()).toBe(32);
  });
});
