import { describe, expect, it } from "vitest";
import { streamHistory } from "../../../../server/src/domain/history.js";
import { HistoryCache } from "../../../../server/src/domain/history-cache/history-cache.js";
import { newUuid } from "../../../../server/src/domain/uuid.js";
import { beginMessages } from "../../../../server/src/rpc/message-encoder.js";
import { appendOf, newMessage, newState } from "../../../storage/contract/samples.js";
import { numbers, sequencesOf } from "./frame-reader.js";
import { createLiveSession } from "./live-session.js";

describe("a follower", () => {
  it("gets the history, the word that it has caught up, and then what is appended", async () => {
    const session = await createLiveSession();
    const server = session.serve();
    await server.append("one", "two");
    const reader = server.follow();

    const history = await reader.until("caught_up");
    await server.append("three");
    await server.append("four", "five");
    const live = await reader.untilSequence(5);

    expect(sequencesOf(history)).toEqual([1, 2]);
    expect(reader.frames[history.length]).toMatchObject({ headSequence: 2, revision: 2 });
    expect(live.map((frame) => frame.type)).toEqual(["messages", "messages"]);
    expect(sequencesOf(live)).toEqual([3, 4, 5]);
  });

  it("gets a change of everything else", async () => {
    const session = await createLiveSession();
    const server = session.serve();
    const { messages } = await server.append("one", "two", "three", "four");
    const reader = server.follow();
    await reader.until("caught_up");
    const changeOf = async (work: Promise<unknown>) => {
      await work;
      const frame = await reader.next();
      return frame.type === "change" ? frame.change : undefined;
    };

    const [first, second] = messages.map(({ id }) => id);
    const { storage } = server;
    const edit = storage.messages.update(session, first ?? "", { content: "1" }, undefined);
    expect(await changeOf(edit)).toMatchObject({
      type: "message_updated",
      revision: 3,
      message: { sequence: 1, content: "1" },
    });
    expect(await changeOf(storage.messages.delete(session, second ?? ""))).toEqual({
      type: "message_deleted",
      revision: 4,
      messageId: second,
      sequence: 2,
    });
    expect(await changeOf(storage.messages.clear(session, 3))).toEqual({
      type: "messages_cleared",
      revision: 5,
      afterSequence: 3,
      throughSequence: 4,
    });
    expect(await changeOf(storage.sessions.update(session, { title: "T" }))).toMatchObject({
      type: "session_updated",
      revision: 6,
      session: { title: "T" },
    });
    const state = newState({ key: "k", payload: { data: Buffer.of(1), mediaType: "a/b" } });
    expect(await changeOf(storage.agentStates.put(session, state))).toEqual({
      type: "state_put",
      revision: 7,
      states: [{ key: "k", version: 1, mediaType: "a/b" }],
    });
    expect(await changeOf(storage.agentStates.delete(session, "k", undefined))).toEqual({
      type: "state_deleted",
      revision: 8,
      key: "k",
      version: 1,
    });
  });

  it("gets the states of an append before its messages", async () => {
    const session = await createLiveSession();
    const server = session.serve();
    const reader = server.follow();
    await reader.until("caught_up");

    const states = [newState({ key: "a" }), newState({ key: "b" })];
    await server.appendAll({ ...appendOf(newMessage()), agentStates: states });
    const frames = await reader.untilSequence(1);

    expect(frames).toMatchObject([
      { type: "change", change: { type: "state_put", states: [{ key: "a" }, { key: "b" }] } },
      { type: "messages" },
    ]);
  });

  it("is not told again of an append that is repeated, or an edit that changes nothing", async () => {
    const session = await createLiveSession();
    const server = session.serve();
    const append = appendOf(newMessage({ content: "same" }));
    const { messages } = await server.appendAll(append);
    const reader = server.follow();
    await reader.until("caught_up");

    await server.appendAll(append);
    const id = messages[0]?.id ?? "";
    await server.storage.messages.update(session, id, { content: "same" }, undefined);
    await server.append("next");

    expect(sequencesOf([await reader.next()])).toEqual([2]);
  });

  it("begins after a sequence, or at the newest messages", async () => {
    const session = await createLiveSession();
    const server = session.serve();
    await server.append("1", "2", "3", "4");
    const cases = [
      [{ from: "after_sequence", afterSequence: 1 }, [2, 3, 4]],
      [{ from: "after_sequence", afterSequence: 4 }, []],
      [{ from: "last_messages", lastMessages: 2 }, [3, 4]],
      [{ from: "last_messages", lastMessages: 0 }, []],
    ] as const;

    for (const [start, expected] of cases) {
      const reader = server.follow({ start });
      expect(sequencesOf(await reader.until("caught_up"))).toEqual(expected);
    }
  });

  it("gets live messages in frames as small as it asked for", async () => {
    const session = await createLiveSession();
    const server = session.serve();
    const small = server.follow({ frameMaxMessages: 3 });
    const usual = server.follow();
    await small.until("caught_up");
    await usual.until("caught_up");

    await server.append(...numbers(1, 70).map(String));
    const cut = await small.untilSequence(70);
    const whole = await usual.untilSequence(70);

    expect(whole.map((frame) => sequencesOf([frame]).length)).toEqual([64, 6]);
    // What all followers share is cut on.
    expect(cut.map((frame) => sequencesOf([frame]).length)).toEqual([
      ...Array(21).fill(3),
      1,
      3,
      3,
    ]);
    expect(sequencesOf(cut)).toEqual(numbers(1, 70));
  });

  it("is refused what lies ahead, what is another tenant's, and a token that is none", async () => {
    const session = await createLiveSession();
    const server = session.serve();
    const other = { tenantId: newUuid(), sessionId: session.sessionId };
    await server.follow().until("caught_up");

    await expect(
      server.follow({ start: { from: "after_sequence", afterSequence: 1 } }).next(),
    ).rejects.toMatchObject({ code: "out_of_range", reason: "POSITION_AHEAD" });
    await expect(server.follow({ ref: other }).next()).rejects.toMatchObject({
      reason: "SESSION_NOT_FOUND",
    });
    await expect(
      server.follow({ start: { from: "resume_token", resumeToken: "x" } }).next(),
    ).rejects.toMatchObject({ code: "invalid_argument" });
  });

  it("must follow to get deltas", async () => {
    const { tenantId, sessionId, storage } = await createLiveSession();
    const reader = { tenantId, aborted: false };
    const start = { from: "beginning" } as const;
    const request = { sessionId, start, follow: false, includeDeltas: true, frameMaxMessages: 0 };

    const histories = { storage, encode: beginMessages, cache: new HistoryCache(0) };
    await expect(streamHistory(histories, reader, request).next()).rejects.toMatchObject({
      code: "invalid_argument",
      violations: [{ field: "include_deltas" }],
    });
  });

  it("learns that the session was deleted, and then its stream ends", async () => {
    const session = await createLiveSession();
    const server = session.serve();
    await server.append("one");
    const readers = [server.follow(), server.follow()];
    for (const reader of readers) await reader.until("caught_up");

    await server.storage.sessions.delete(session);

    for (const reader of readers) {
      const change = { type: "session_deleted", revision: 3 };
      expect(await reader.next()).toMatchObject({ type: "change", change });
      await expect(reader.next()).rejects.toMatchObject({ reason: "SESSION_DELETED" });
    }
    expect(server.feeds.size).toBe(0);
  });

  it("learns so too where it was still reading", async () => {
    const session = await createLiveSession();
    const server = session.serve();
    for (let count = 0; count < 20; count += 1) await server.append("x".repeat(200_000));
    const reader = server.follow();
    await reader.next();

    await session.storage.sessions.delete(session);

    await expect(reader.until("caught_up")).rejects.toMatchObject({ reason: "SESSION_DELETED" });
    expect(reader.frames.at(-1)).toMatchObject({ change: { type: "session_deleted" } });
  });

  it("takes its feed along when it is the last one to leave", async () => {
    const session = await createLiveSession();
    const server = session.serve();
    const readers = [server.follow(), server.follow()];
    for (const reader of readers) await reader.until("caught_up");
    const sizes = [server.feeds.size];

    for (const reader of readers) {
      await reader.stop();
      sizes.push(server.feeds.size);
    }

    expect(sizes).toEqual([1, 1, 0]);
  });

  it("ends with UNAVAILABLE when the server does", async () => {
    const session = await createLiveSession();
    const server = session.serve();
    const reader = server.follow();
    await reader.until("caught_up");

    server.feeds.close();

    await expect(reader.next()).rejects.toMatchObject({ code: "unavailable", reason: "DRAINING" });
    await expect(server.follow().next()).rejects.toMatchObject({ code: "unavailable" });
  });
});
