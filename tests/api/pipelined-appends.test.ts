import { randomUUID } from "node:crypto";
import type { NewMessage, Session } from "@mofa-state/client";
import { expect, it, onTestFinished } from "vitest";
import { collect } from "../support/collect.js";
import { describeDatabases } from "../support/databases.js";
import { watch } from "../support/stream-oracle.js";
import { shareServer } from "./shared-server.js";

const APPENDS = 2_000;

function text(content: string): NewMessage {
  return { role: "user", content };
}

async function contentsOf(session: Session): Promise<readonly string[]> {
  return (await collect(session.messages())).map(({ content }) => content);
}

function isDefined<T>(value: T | undefined): value is T {
  return value !== undefined;
}

describeDatabases("appends that are pipelined", (database) => {
  const server = shareServer(database);

  async function openPipeline() {
    const state = await server.connect();
    const pipeline = state.pipeline();
    onTestFinished(() => pipeline.close());
    return { state, pipeline };
  }

  it("are carried out in their order", { timeout: 120_000 }, async () => {
    const { state, pipeline } = await openPipeline();
    const session = await state.sessions.create();
    const oracle = watch(session);
    const numbers = Array.from({ length: APPENDS }, (_, number) => number);

    const appended = await Promise.all(
      numbers.map((number) => pipeline.append(session.id, text(`${number}`))),
    );
    await oracle.settled(APPENDS);

    expect(appended.map(({ headSequence }) => headSequence)).toEqual(numbers.map((n) => n + 1));
    expect(appended.map(({ revision }) => revision)).toEqual(numbers.map((n) => n + 2));
    expect(await contentsOf(session)).toEqual(numbers.map(String));
    expect([...oracle.replica.messages.keys()]).toEqual(numbers.map((n) => n + 1));
  });

  it("keep their order in each of many sessions", async () => {
    const { state, pipeline } = await openPipeline();
    const sessions = await Promise.all(Array.from({ length: 20 }, () => state.sessions.create()));
    const wanted = Array.from({ length: 20 }, (_, number) => `${number}`);

    await Promise.all(
      wanted.flatMap((content) =>
        sessions.map((session) => pipeline.append(session, text(content))),
      ),
    );

    for (const session of sessions) expect(await contentsOf(session)).toEqual(wanted);
  });

  it("store as much as appends that are not: several messages, and states", async () => {
    const { state, pipeline } = await openPipeline();
    const session = await state.sessions.create();
    const messages = [text("one"), { role: "assistant", content: "two" } as const];
    const agentStates = [{ key: "plan", state: { step: 1 } }];

    const appended = await pipeline.append(session, messages, {
      agentStates,
      expectedHeadSequence: 0,
    });

    expect(appended).toMatchObject({ headSequence: 2, revision: 2, agentStates: [{ version: 1 }] });
    expect(appended.messages).toEqual(await collect(session.messages()));
    expect((await session.state.get({ key: "plan" })).state).toEqual({ step: 1 });
  });

  it("fail one by one", async () => {
    const { state, pipeline } = await openPipeline();
    const session = await state.sessions.create();
    const deleted = await state.sessions.create();
    await deleted.delete();

    const outcomes = await Promise.allSettled([
      pipeline.append(session, text("first")),
      pipeline.append(session, text("refused"), { expectedHeadSequence: 7 }),
      pipeline.append(deleted, text("refused")),
      pipeline.append(session, text("refused \u0000")),
      pipeline.append(session, []),
      pipeline.append(randomUUID(), text("refused")),
      pipeline.append(session, text("second"), { expectedHeadSequence: 1 }),
    ]);

    const reasons = outcomes.map((outcome) =>
      outcome.status === "rejected" ? outcome.reason.reason : outcome.value.headSequence,
    );
    expect(reasons).toEqual([
      ...[1, "SEQUENCE_CONFLICT", "SESSION_DELETED", "INVALID_ARGUMENT", "INVALID_ARGUMENT"],
      ...["SESSION_NOT_FOUND", 2],
    ]);
    expect(outcomes[1]).toMatchObject({
      reason: { code: "aborted", metadata: { expected: "7", actual: "1" } },
    });
    expect(outcomes[3]).toMatchObject({
      reason: { violations: [{ field: "messages[0].content" }] },
    });
    expect(await contentsOf(session)).toEqual(["first", "second"]);
  });

  it("are stored once where they are sent again", async () => {
    const { state, pipeline } = await openPipeline();
    const session = await state.sessions.create();
    const messages = ["one", "two", "three"].map((content) => ({
      ...text(content),
      id: randomUUID(),
    }));
    const send = () => Promise.all(messages.map((message) => pipeline.append(session, message)));

    const [first, again] = await Promise.all([send(), send()]);
    const later = await send();

    const storedBy = (answers: typeof first) => answers.flatMap(({ messages }) => messages);
    expect(storedBy(again)).toEqual(storedBy(first));
    expect(storedBy(later)).toEqual(storedBy(first));
    expect(await contentsOf(session)).toEqual(["one", "two", "three"]);
  });

  it("fit in between others' appends, and keep their order", async () => {
    const { state, pipeline } = await openPipeline();
    const session = await state.sessions.create();
    const oracle = watch(session);
    const count = 200;

    const others = async () => {
      for (let number = 0; number < 50; number++) await session.append(text("other"));
    };
    const pipelined = Array.from({ length: count }, (_, number) =>
      pipeline.append(session, text(`${number}`)),
    );
    const [answers] = await Promise.all([Promise.all(pipelined), others()]);
    await oracle.settled(count + 50);

    const mine = (await contentsOf(session)).filter((content) => content !== "other");
    expect(mine).toEqual(Array.from({ length: count }, (_, number) => `${number}`));
    const sequences = answers.map(({ messages }) => messages[0]?.sequence).filter(isDefined);
    expect(sequences).toEqual(sequences.toSorted((a, b) => a - b));
    await oracle.check();
  });
});
