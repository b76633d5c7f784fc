import type { Message, Session, SessionEvent } from "@mofa-state/client";
import { expect, it } from "vitest";
import { collect } from "../support/collect.js";
import { describeDatabases } from "../support/databases.js";
import { type StreamOracle, watch } from "../support/stream-oracle.js";
import { shareServer } from "./shared-server.js";

/** Appends so many messages at once. */
async function append(session: Session, count: number): Promise<readonly Message[]> {
  const { messages } = await session.append(
    Array.from({ length: count }, (_, number) => ({ role: "user", content: `text ${number}` })),
  );
  return messages;
}

/** Appends one last message, and waits until the follower has it, and so all before it. */
async function settle(session: Session, oracle: StreamOracle): Promise<void> {
  const { headSequence } = await session.append({ role: "system", content: "the end" });
  await oracle.settled(headSequence);
}

/** What an event is about, without what differs from run to run. */
function summaryOf(event: SessionEvent): readonly unknown[] {
  switch (event.type) {
    case "message":
      return ["message", event.message.sequence];
    case "message_updated":
      return ["message_updated", event.message.sequence, event.message.content];
    case "message_deleted":
      return ["message_deleted", event.sequence, event.messageId];
    case "messages_cleared":
      return ["messages_cleared", event.afterSequence, event.throughSequence];
    case "session_updated":
      return ["session_updated", event.session.title];
    case "state_put":
      return ["state_put", ...event.states.map(({ key, version }) => `${key} ${version}`)];
    case "state_deleted":
      return ["state_deleted", `${event.key} ${event.version}`];
    default:
      return [event.type];
  }
}

/** Does everything once to a session with ten messages. */
async function changeAll(session: Session, messages: readonly Message[]): Promise<void> {
  const idOf = (sequence: number) => messages[sequence - 1]?.id ?? "";
  await session.updateMessage(idOf(2), { content: "first edit" });
  await session.updateMessage(idOf(2), { content: "second edit" });
  await session.deleteMessage(idOf(3));
  await session.update({ title: "first title" });
  await session.update({ title: "second title" });
  await session.state.put({ step: 1 }, { key: "plan" });
  await session.state.put({ step: 2 }, { key: "plan" });
  await session.state.put(new Uint8Array([1]), { key: "draft", mediaType: "image/png" });
  await session.state.delete({ key: "draft" });
  const agentStates = ["one", "two"].map((key) => ({ key, state: {} }));
  await session.append({ role: "user" }, { agentStates });
  await session.clear({ after: 8 });
}

describeDatabases("a change of a session", (database) => {
  const server = shareServer(database);

  it("reaches a follower who read on without following since", async () => {
    const session = await (await server.connect()).sessions.create();
    const [message] = await append(session, 2);
    const [first] = await collect(session.messageFrames({ frameMaxMessages: 2 }));
    await session.updateMessage(message?.id ?? "", { content: "edit" });

    const read = await collect(session.messageFrames({ resumeToken: first?.resumeToken }));
    const token = read.at(-1)?.resumeToken;
    const oracle = watch(session, { resumeToken: token });
    await settle(session, oracle);

    expect(oracle.events.map(summaryOf)[0]).toEqual(["message_updated", 1, "edit"]);
  });

  it("reaches a follower who is there, in its order", async () => {
    const state = await server.connect();
    const session = await state.sessions.create();
    const messages = await append(session, 10);
    const oracle = watch(session);
    await oracle.caughtUp();

    for (const change of [
      () => session.updateMessage(messages[1]?.id ?? "", { content: "edit" }),
      () => session.deleteMessage(messages[2]?.id ?? ""),
      () => session.update({ title: "title", metadata: { team: "blue" } }),
      () => session.state.put({ step: 1 }, { key: "plan" }),
      () => session.state.delete({ key: "plan" }),
      () => session.clear({ after: 8 }),
    ]) {
      const { length } = oracle.events;
      await change();
      await oracle.until((event) => oracle.events.indexOf(event) >= length);
    }

    expect(oracle.events.slice(10).map(summaryOf)).toEqual([
      ["message_updated", 2, "edit"],
      ["message_deleted", 3, messages[2]?.id],
      ["session_updated", "title"],
      ["state_put", "plan 1"],
      ["state_deleted", "plan 1"],
      ["messages_cleared", 8, 10],
    ]);
    const revisions = oracle.events.flatMap((event) => ("revision" in event ? event.revision : []));
    expect(revisions).toEqual([3, 4, 5, 6, 7, 8]);
    await settle(session, oracle);
    await oracle.check();
  });

  it("reaches a follower in the middle of all others", async () => {
    const state = await server.connect();
    const session = await state.sessions.create();
    const messages = await append(session, 10);
    const oracle = watch(session);
    await oracle.caughtUp();

    await changeAll(session, messages);
    await settle(session, oracle);

    expect([...oracle.replica.messages.keys()]).toEqual([1, 2, 4, 5, 6, 7, 8, 12]);
    expect(oracle.replica.messages.get(2)?.content).toBe("second edit");
    expect(oracle.replica.states).toEqual(
      new Map([
        ["plan", 2],
        ["draft", 0],
        ["one", 1],
        ["two", 1],
      ]),
    );
    expect(oracle.replica.session?.title).toBe("second title");
    await oracle.check();
  });

  it("reaches one who was away, as its result", async () => {
    const state = await server.connect();
    const session = await state.sessions.create();
    const messages = await append(session, 10);
    const before = watch(session);
    await before.caughtUp();
    await before.stop();

    await changeAll(session, messages);
    const oracle = await before.resume();
    await oracle.caughtUp();
    const missed = oracle.events.slice(10).map(summaryOf);
    await settle(session, oracle);

    expect(missed.toSorted()).toEqual([
      ["message_deleted", 3, messages[2]?.id],
      ["message_updated", 2, "second edit"],
      ["messages_cleared", 8, 11],
      ["session_updated", "second title"],
      ["state_deleted", "draft 1"],
      ["state_put", "one 1", "two 1"],
      ["state_put", "plan 1"],
      ["state_put", "plan 2"],
    ]);
    await oracle.check();
  });

  it("reaches one who was away, before the messages that are new", async () => {
    const state = await server.connect();
    const session = await state.sessions.create();
    const messages = await append(session, 3);
    const before = watch(session);
    await before.caughtUp();
    await before.stop();

    await append(session, 2);
    await session.updateMessage(messages[0]?.id ?? "", { content: "edit" });
    const oracle = await before.resume();
    await oracle.caughtUp();

    expect(oracle.events.slice(3).map(summaryOf)).toEqual([
      ["message_updated", 1, "edit"],
      ["message", 4],
      ["message", 5],
    ]);
    await settle(session, oracle);
    await oracle.check();
  });

  it("is not told to one who reads its result", async () => {
    const state = await server.connect();
    const session = await state.sessions.create();
    const messages = await append(session, 10);
    await changeAll(session, messages);

    const oracle = watch(session);
    await oracle.caughtUp();

    expect(oracle.events.map(summaryOf)).toEqual(
      [1, 2, 4, 5, 6, 7, 8].map((sequence) => ["message", sequence]),
    );
    await settle(session, oracle);
    await oracle.check();
  });

  it("reaches every one of many followers, whatever each asks for", async () => {
    const state = await server.connect();
    const session = await state.sessions.create();
    const messages = await append(session, 100);
    const starts = [{}, { after: 50 }, { last: 3 }, { frameMaxMessages: 1 }, { deltas: true }];
    const oracles = starts.flatMap((start) => [watch(session, start), watch(session, start)]);
    await Promise.all(oracles.map((oracle) => oracle.caughtUp()));

    await append(session, 100);
    await session.updateMessage(messages[99]?.id ?? "", { content: "edit" });
    const { headSequence } = await session.append({ role: "system" });

    for (const oracle of oracles) {
      await oracle.settled(headSequence);
      expect(oracle.replica.messages.get(100)?.content).toBe("edit");
      expect(oracle.caughtUps).toHaveLength(1);
      const [first] = oracle.replica.messages.values();
      if (first?.sequence === 1) await oracle.check();
    }
  });
});

describeDatabases("the deletion of a session", (database) => {
  const server = shareServer(database);

  it("is the last that its followers are told", async () => {
    const state = await server.connect();
    const session = await state.sessions.create();
    await append(session, 3);
    const [here, away] = [watch(session), watch(session, { deltas: true })];
    await Promise.all([here.caughtUp(), away.caughtUp()]);
    await away.stop();

    await session.delete();

    const gone = { code: "not_found", reason: "SESSION_DELETED" };
    expect(await here.failed()).toMatchObject(gone);
    expect(here.events.map(summaryOf).slice(3)).toEqual([["session_deleted"]]);
    expect(await (await away.resume()).failed()).toMatchObject(gone);
  });
});
