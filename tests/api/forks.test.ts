import { randomUUID } from "node:crypto";
import type { Session } from "@mofa-state/client";
import { expect, it } from "vitest";
import { collect } from "../support/collect.js";
import { describeDatabases } from "../support/databases.js";
import { expectRefusal } from "./refusal.js";
import { shareServer } from "./shared-server.js";

function newMessages(...contents: readonly string[]) {
  return contents.map((content) => ({ id: randomUUID(), role: "user" as const, content }));
}

async function contents(session: Session): Promise<readonly string[]> {
  return (await collect(session.messages())).map(({ content }) => content);
}

describeDatabases("a fork", (database) => {
  const server = shareServer(database);

  async function createWith(...texts: readonly string[]): Promise<Session> {
    const state = await server.connect();
    const session = await state.sessions.create({ title: "origin", metadata: { a: 1 } });
    await session.append(newMessages(...texts));
    return session;
  }

  it("begins with its origin's messages up to a sequence, and tells so in every field", async () => {
    const state = await server.connect();
    const userId = randomUUID();
    const origin = await state.sessions.create({ userId, title: "origin", metadata: { a: 1 } });
    await origin.append(newMessages("one", "two", "three"));
    const given = { id: randomUUID(), key: "retry", title: "retry", agentId: randomUUID() };

    const fork = await origin.fork({ at: 2, ...given });

    const inherited = { userId, metadata: { a: 1 } };
    const from = { forkSessionId: origin.id, forkSequence: 2, headSequence: 2, messageCount: 2 };
    expect(fork.info).toMatchObject({ ...given, ...inherited, ...from, version: 1 });
    expect((await state.sessions.get(fork.id)).info).toEqual(fork.info);
    expect((await state.sessions.get({ key: "retry" })).info).toEqual(fork.info);
    expect((await origin.refresh()).headSequence).toBe(3);
  });

  it("is read as any session: by stream, by pages in both orders, by its last, by id", async () => {
    const origin = await createWith("one", "two", "three");
    const before = await collect(origin.messages());
    const fork = await origin.fork({ at: 2 });
    await fork.append(newMessages("four", "five"));

    const messages = await collect(fork.messages());

    const sequences = [1, 2, 3, 4];
    expect(messages.map(({ sequence }) => sequence)).toEqual(sequences);
    const shared = before.slice(0, 2).map((message) => ({ ...message, sessionId: fork.id }));
    expect(messages.slice(0, 2)).toEqual(shared);
    expect(await collect(fork.listMessages({ pageSize: 1 }))).toEqual(messages);
    const descending = await collect(fork.listMessages({ pageSize: 3, order: "descending" }));
    expect(descending).toEqual(messages.toReversed());
    expect(await collect(fork.messages({ last: 3 }))).toEqual(messages.slice(1));
    expect(await collect(fork.messages({ after: 1 }))).toEqual(messages.slice(1));
    for (const message of messages) expect(await fork.getMessage(message.id)).toEqual(message);
    expect(await contents(origin)).toEqual(["one", "two", "three"]);
  });

  it("at 0 is empty, and begins at 1", async () => {
    const origin = await createWith("one");

    const fork = await origin.fork({ at: 0 });

    expect(fork.info).toMatchObject({ headSequence: 0, messageCount: 0, forkSequence: 0 });
    expect(await contents(fork)).toEqual([]);
    const { headSequence } = await fork.append(newMessages("first"), { expectedHeadSequence: 0 });
    expect(headSequence).toBe(1);
  });

  it("goes on from the head that it was cut at, and refuses another expectation", async () => {
    const origin = await createWith("one", "two", "three");
    const fork = await origin.fork({ at: 2 });

    await expectRefusal(fork, () => fork.append(newMessages("late"), { expectedHeadSequence: 3 }), {
      code: "aborted",
      reason: "SEQUENCE_CONFLICT",
      metadata: { expected: "3", actual: "2" },
    });
    const { headSequence } = await fork.append(newMessages("x"), { expectedHeadSequence: 2 });
    expect(headSequence).toBe(3);
  });

  it("answers a repeated append of shared messages as its origin did, and takes no other", async () => {
    const state = await server.connect();
    const origin = await state.sessions.create();
    const messages = newMessages("one", "two");
    const first = await origin.append(messages);
    const fork = await origin.fork();

    const repeated = await fork.append(messages);

    const inFork = first.messages.map((message) => ({ ...message, sessionId: fork.id }));
    expect(repeated).toMatchObject({ messages: inFork, headSequence: 2 });
    const other = messages.map((message) => ({ ...message, content: "other" }));
    await expectRefusal(fork, () => fork.append(other), {
      code: "already_exists",
      reason: "ID_REUSED",
    });
  });

  it("keeps what its origin edits, deletes and clears, and the other way round", async () => {
    const origin = await createWith("one", "two", "three", "four");
    const [one, two] = await collect(origin.messages());
    const [fork, other] = [await origin.fork(), await origin.fork()];

    await origin.updateMessage(one?.id ?? "", { content: "ONE" });
    await origin.deleteMessage(two?.id ?? "");
    await fork.updateMessage(two?.id ?? "", { content: "TWO" });
    await fork.deleteMessage(one?.id ?? "");
    expect(await origin.clear({ after: 3 })).toBe(1);
    expect(await fork.clear({ after: 2 })).toBe(2);

    expect(await contents(origin)).toEqual(["ONE", "three"]);
    expect(await contents(fork)).toEqual(["TWO"]);
    expect(await contents(other)).toEqual(["one", "two", "three", "four"]);
    expect(await origin.refresh()).toMatchObject({ messageCount: 2, headSequence: 4 });
    expect(await fork.refresh()).toMatchObject({ messageCount: 1, headSequence: 4 });
    await expect(fork.getMessage(one?.id ?? "")).rejects.toMatchObject({
      reason: "MESSAGE_DELETED",
    });
  });

  it("of a fork of a fork has its own messages after those of each", async () => {
    const forks = [await createWith("1")];
    for (const content of ["2", "3", "4"]) {
      const fork = await forks.at(-1)?.fork();
      if (fork === undefined) throw new Error("there is always a last one");
      await fork.append(newMessages(content));
      forks.push(fork);
    }
    const [first, , third, last] = forks;

    const [message] = (await first?.listMessagesPage())?.messages ?? [];
    await third?.updateMessage(message?.id ?? "", { content: "edited" });

    expect(await Promise.all(forks.map(contents))).toEqual([
      ["1"],
      ["1", "2"],
      ["edited", "2", "3"],
      ["1", "2", "3", "4"],
    ]);
    expect(last?.info.forkSessionId).toBe(third?.id);
  });

  it("is there when its origin is deleted, and goes without a trace in its origin", async () => {
    const origin = await createWith("one", "two");
    const [kept, gone] = [await origin.fork({ at: 1 }), await origin.fork()];
    await gone.append(newMessages("three"));

    await gone.delete();
    expect(await contents(origin)).toEqual(["one", "two"]);
    await origin.delete();

    expect(await contents(kept)).toEqual(["one"]);
    expect((await kept.refresh()).forkSessionId).toBe(origin.id);
    await expect(origin.fork()).rejects.toMatchObject({ reason: "SESSION_DELETED" });
  });

  it("has the states of its time as their first versions, and puts its own", async () => {
    const origin = await createWith("one");
    await origin.state.put({ step: 1 });
    await origin.state.put({ step: 2 });
    await origin.append(newMessages("two"));
    await origin.state.put({ step: 3 });

    const fork = await origin.fork({ at: 1 });

    expect(await fork.state.get()).toMatchObject({ state: { step: 2 }, version: 1 });
    await fork.state.put({ step: 9 }, { expectedVersion: 1 });
    expect(await origin.state.get()).toMatchObject({ state: { step: 3 }, version: 3 });
  });

  it("is cut once by a repeated request, and its id and key by one session only", async () => {
    const origin = await createWith("one");
    const fields = { id: randomUUID(), key: "retry" };
    const fork = await origin.fork(fields);
    await origin.append(newMessages("two"));

    expect((await origin.fork(fields)).info).toEqual(fork.info);
    const taken = { code: "already_exists" } as const;
    const calls = [
      [{ ...fields, at: 0 }, "ID_REUSED"],
      [{ ...fields, title: "other" }, "ID_REUSED"],
      [{ id: origin.id }, "ID_REUSED"],
      [{ key: "retry" }, "KEY_TAKEN"],
    ] as const;
    for (const [fork, reason] of calls) {
      await expectRefusal(origin, () => origin.fork(fork), { ...taken, reason });
    }
  });

  it("is refused past the head", async () => {
    const origin = await createWith("one");

    await expectRefusal(origin, () => origin.fork({ at: 2 }), {
      code: "out_of_range",
      reason: "POSITION_AHEAD",
    });
  });

  it("is refused where a message is being written, not before it", async () => {
    const origin = await createWith("one");
    const reply = origin.write({ role: "assistant" });
    await reply.write("two");
    await reply.opened;

    await expect(origin.fork()).rejects.toMatchObject({ reason: "MESSAGE_IN_PROGRESS" });
    expect(await contents(await origin.fork({ at: 1 }))).toEqual(["one"]);
    await reply.finish();
    expect(await contents(await origin.fork())).toEqual(["one", "two"]);
  });

  it("takes pipelined appends, and messages written piece by piece", async () => {
    const state = await server.connect();
    const origin = await state.sessions.create();
    await origin.append(newMessages("one"));
    const fork = await origin.fork();
    const pipeline = state.pipeline();
    const texts = ["two", "three"];
    await Promise.all(texts.map((text) => pipeline.append(fork, newMessages(text))));
    await pipeline.close();
    const reply = fork.write({ role: "assistant" });
    await reply.write("four");

    expect(await reply.finish()).toMatchObject({ sequence: 4, sessionId: fork.id });
    expect(await contents(fork)).toEqual(["one", "two", "three", "four"]);
    expect(await contents(origin)).toEqual(["one"]);
  });

  it("goes on with an interrupted message that it shares, as its origin does", async () => {
    const origin = await createWith("one");
    const header = { id: randomUUID(), role: "assistant" } as const;
    const cut = origin.write(header);
    await cut.write("Hel");
    await cut.interrupt();
    const fork = await origin.fork();

    for (const [session, rest] of [
      [origin, "lo"],
      [fork, "met"],
    ] as const) {
      const reply = session.write(header);
      await reply.write(rest);
      await reply.finish();
    }

    expect(await contents(origin)).toEqual(["one", "Hello"]);
    expect(await contents(fork)).toEqual(["one", "Helmet"]);
  });

  it("at the head gets a beginning without gaps while others append", async () => {
    const origin = await createWith("0");
    let isForking = true;
    const append = async () => {
      while (isForking) await origin.append(newMessages(randomUUID(), randomUUID()));
    };
    const appending = Promise.all([append(), append(), append()]);
    const forks: Session[] = [];
    const forking = async () => {
      while (forks.length < 12) forks.push(await origin.fork());
    };
    await Promise.race([appending, forking()]).finally(() => {
      isForking = false;
    });
    await appending;

    const messages = await contents(origin);
    const heads = forks.map(({ info }) => info.headSequence);
    expect(new Set(heads).size).toBeGreaterThan(3);
    expect(Math.min(...heads)).toBeLessThan(messages.length);
    for (const fork of forks) {
      const { headSequence, messageCount } = fork.info;
      expect(headSequence % 2).toBe(1);
      expect(messageCount).toBe(headSequence);
      expect(await contents(fork)).toEqual(messages.slice(0, headSequence));
    }
  });

  it("is listed under its origin, page by page, and not under that one's origin", async () => {
    const state = await server.connect();
    const origin = await state.sessions.create();
    const forks = [await origin.fork(), await origin.fork(), await origin.fork()];
    await forks[0]?.fork();

    const filter = { forkSessionId: origin.id, pageSize: 1 };
    const listed = await collect(state.sessions.list(filter));

    const ids = forks.map(({ id }) => id).sort();
    expect(listed.map(({ id }) => id).sort()).toEqual(ids);
    const { nextPageToken: pageToken } = await state.sessions.listPage(filter);
    const elsewhere = state.sessions.listPage({ pageToken });
    await expect(elsewhere).rejects.toMatchObject({ code: "invalid_argument" });
  });
});
