import { randomUUID } from "node:crypto";
import type { AppendedApiCall, Session, State } from "@mofa-state/client";
import { expect, it, vi } from "vitest";
import { collect } from "../support/collect.js";
import { describeDatabases } from "../support/databases.js";
import { expectRefusal } from "./refusal.js";
import { shareServer } from "./shared-server.js";

const ID_REUSED = { code: "already_exists", reason: "ID_REUSED" } as const;
const CALL = { model: "m", status: "success", promptTokens: 1 } as const;

/** A message and a call with ids of their own. */
function newExchange() {
  const message = { id: randomUUID(), role: "assistant", content: "a" } as const;
  return { message, apiCall: { ...CALL, id: randomUUID(), responseMessageId: message.id } };
}

async function list(state: State) {
  return await collect(state.usage.list());
}

async function createSession(state: State): Promise<Session> {
  return state.sessions.create({ userId: randomUUID(), agentId: randomUUID() });
}

describeDatabases("a recorded call", (database) => {
  const server = shareServer(database);

  it("that is repeated is recorded once", async () => {
    const state = await server.connect();
    const { id: sessionId } = await createSession(state);
    const call = {
      ...CALL,
      id: randomUUID(),
      sessionId,
      price: { amount: "1.50", currency: "EUR" },
    };

    const first = await state.usage.record(call);
    const price = { amount: "1.5", currency: "EUR" };
    const second = await state.usage.record({ ...call, id: call.id.toUpperCase(), price });

    expect(second).toEqual(first);
    expect(await list(state)).toEqual([first]);
  });

  it("that is sent many times at once is recorded once", async () => {
    const state = await server.connect();
    const call = { ...CALL, id: randomUUID() };

    const answers = await Promise.all(Array.from({ length: 8 }, () => state.usage.record(call)));

    expect(new Set(answers.map(({ createdAt }) => createdAt.getTime())).size).toBe(1);
    expect(await list(state)).toEqual([answers[0]]);
  });

  it.each([
    { model: "n" },
    { status: "failed" as const },
    { promptTokens: undefined },
    { completionTokens: 0 },
    { price: { amount: "0", currency: "USD" } },
    { latencyMs: 0 },
    { error: "e" },
    { userId: randomUUID() },
    { responseMessageId: randomUUID() },
    { createdAt: new Date(0) },
  ])("is not taken for another with its id and %j", async (change) => {
    const state = await server.connect();
    const id = randomUUID();
    const first = await state.usage.record({ ...CALL, id });

    const other = state.usage.record({ ...CALL, id, ...change });

    await expect(other).rejects.toMatchObject(ID_REUSED);
    expect(await list(state)).toEqual([first]);
  });
});

describeDatabases("an API call of an append", (database) => {
  const server = shareServer(database);

  it("is recorded with its messages, in their session", async () => {
    const state = await server.connect();
    const session = await createSession(state);
    const { message, apiCall } = newExchange();
    const strayed = { ...apiCall, sessionId: randomUUID() };

    const { revision } = await session.append(message, { apiCalls: [strayed, CALL] });

    const { userId, agentId } = session.info;
    expect(revision).toBe(session.info.revision + 1);
    const stored = await list(state);
    expect(stored).toHaveLength(2);
    expect(stored).toContainEqual(
      expect.objectContaining({ ...apiCall, sessionId: session.id, userId, agentId }),
    );
  });

  it("is not recorded where the append is refused", async () => {
    const state = await server.connect();
    const session = await createSession(state);
    await session.state.put(1);
    const { message, apiCall } = newExchange();
    const apiCalls = [apiCall];
    const agentStates = [{ state: 2, expectedVersion: 0 }];

    await expectRefusal(
      session,
      () => session.append(message, { apiCalls, expectedHeadSequence: 5 }),
      { code: "aborted", reason: "SEQUENCE_CONFLICT" },
    );
    await expectRefusal(session, () => session.append(message, { apiCalls, agentStates }), {
      code: "aborted",
      reason: "VERSION_CONFLICT",
    });
    expect(await list(state)).toEqual([]);
    expect((await session.append(message, { apiCalls })).headSequence).toBe(1);
    expect(await list(state)).toMatchObject([apiCall]);
  });

  it("whose id is another call's refuses the append", async () => {
    const state = await server.connect();
    const session = await createSession(state);
    const { message, apiCall } = newExchange();
    const first = await state.usage.record({ ...apiCall, model: "other" });

    const append = () => session.append(message, { apiCalls: [CALL, apiCall] });

    await expectRefusal(session, append, ID_REUSED);
    expect(await collect(session.listMessages())).toEqual([]);
    expect(await list(state)).toEqual([first]);
  });

  it("is recorded once by repeated appends, also by many at once", async () => {
    const state = await server.connect();
    const session = await createSession(state);
    const { message, apiCall } = newExchange();
    const append = () => session.append(message, { apiCalls: [apiCall] });

    const answers = await Promise.all([append(), append(), append(), append()]);
    const last = await append();

    for (const answer of answers) expect(answer).toEqual(last);
    expect(await list(state)).toMatchObject([apiCall]);
  });

  it("is not recorded by an append of known messages with another one of its id", async () => {
    const state = await server.connect();
    const session = await createSession(state);
    const { message, apiCall } = newExchange();
    await session.append(message, { apiCalls: [apiCall] });
    const stored = await list(state);

    const changed = { ...apiCall, promptTokens: 2 };

    await expectRefusal(session, () => session.append(message, { apiCalls: [changed] }), ID_REUSED);
    expect(await list(state)).toEqual(stored);
  });

  it("that is purged keeps its append from being repeated", async () => {
    const state = await server.connect();
    const session = await createSession(state);
    const { message, apiCall } = newExchange();
    await session.append(message, { apiCalls: [apiCall] });
    await state.usage.purge(new Date(Date.now() + 60_000));

    await expectRefusal(session, () => session.append(message, { apiCalls: [apiCall] }), ID_REUSED);
    expect(await list(state)).toEqual([]);
  });

  it("goes through a pipeline, beside appends that are refused", async () => {
    const state = await server.connect();
    const session = await createSession(state);
    const other = await state.usage.record(CALL);
    await using pipeline = state.pipeline();
    const append = (...apiCalls: readonly AppendedApiCall[]) =>
      pipeline.append(session, { role: "assistant" }, { apiCalls });

    const outcomes = await Promise.allSettled([
      append(CALL),
      append({ ...CALL, id: other.id, promptTokens: 2 }),
      append(CALL, CALL),
    ]);

    expect(outcomes).toMatchObject([
      { value: { headSequence: 1 } },
      { reason: ID_REUSED },
      { value: { headSequence: 2 } },
    ]);
    expect((await state.usage.total({ sessionId: session.id })).calls.total).toBe(3);
  });
});

describeDatabases("an API call of a written message", (database) => {
  const server = shareServer(database, { writeCheckpointMs: 20 });

  it("is recorded when it is finished, as the one that produced it", async () => {
    const state = await server.connect();
    const session = await createSession(state);
    const writer = session.write({ role: "assistant" });
    await writer.write("Hello");
    await writer.opened;
    const before = await list(state);
    const strayed = { sessionId: randomUUID(), responseMessageId: randomUUID() };

    const message = await writer.finish({ apiCall: { ...CALL, ...strayed } });

    expect(before).toEqual([]);
    const { userId, agentId } = session.info;
    expect(message).toMatchObject({ content: "Hello", status: "complete" });
    expect(await list(state)).toMatchObject([
      { ...CALL, sessionId: session.id, responseMessageId: writer.id, userId, agentId },
    ]);
  });

  it("is recorded for an answer that was cut short, too", async () => {
    const state = await server.connect();
    const session = await createSession(state);
    const apiCall = { ...CALL, status: "cancelled" } as const;

    await session.write({ role: "assistant" }).finish({ status: "interrupted", apiCall });

    expect(await list(state)).toMatchObject([apiCall]);
  });

  it("is recorded once, whoever finishes the message again", async () => {
    const state = await server.connect();
    const session = await createSession(state);
    const id = randomUUID();
    const apiCall = { ...CALL, id: randomUUID() };
    const first = await session.write({ id, role: "assistant" }).finish({ apiCall });

    const second = await session.write({ id, role: "assistant" }).finish({ apiCall });
    const third = await session.write({ id, role: "assistant" }).finish({ apiCall: CALL });

    expect([second, third]).toEqual([first, first]);
    expect(await list(state)).toMatchObject([apiCall]);
  });

  it("whose id is another call's leaves the message unfinished, with its text", async () => {
    const state = await server.connect();
    const session = await createSession(state);
    const other = await state.usage.record(CALL);
    const writer = session.write({ role: "assistant" });
    await writer.write("the whole answer");

    const finish = writer.finish({ apiCall: { ...CALL, id: other.id, model: "n" } });

    await expect(finish).rejects.toMatchObject(ID_REUSED);
    await vi.waitFor(async () => {
      const { status, content } = await session.getMessage(writer.id);
      expect([status, content]).not.toContain("complete");
      expect(content).toBe("the whole answer");
    });
    expect(await list(state)).toEqual([other]);
  });
});
