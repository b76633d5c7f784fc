import { expect, it } from "vitest";
import { StateError } from "../../../../server/src/domain/errors.js";
import { announce } from "../../../../server/src/domain/follow/announced-storage.js";
import type { Message } from "../../../../server/src/domain/model.js";
import type { Storage } from "../../../../server/src/domain/storage.js";
import { LONG_LEASE_MS, startWrite, textOf } from "../../../storage/contract/samples.js";
import { numbers, sequencesOf } from "./frame-reader.js";
import { createLiveSession, LiveServer } from "./live-session.js";

const SILENCE = {
  changed() {},
  appended() {},
  updated() {},
  written() {},
  checkpointed() {},
};

/** Gives a storage that does something before its messages are read: in a race, it would be luck. */
function beforeReads(storage: Storage, act: () => Promise<void>): Storage {
  const plain = announce(storage, SILENCE);
  return {
    ...plain,
    messages: {
      ...plain.messages,
      async read(...query) {
        await act();
        return storage.messages.read(...query);
      },
    },
  };
}

/** Gives what does something the first time that it is called after it was armed. */
function once(work: () => Promise<unknown>): { isArmed: boolean; act: () => Promise<void> } {
  const armed = {
    isArmed: false,
    async act() {
      if (!armed.isArmed) return;
      armed.isArmed = false;
      await work();
    },
  };
  return armed;
}

it("leaves out the change of a message that a follower read after it", async () => {
  const session = await createLiveSession();
  let message: Message | undefined;
  const edit = once(() =>
    server.storage.messages.update(session, message?.id ?? "", { content: "edited" }, undefined),
  );
  const server = new LiveServer(beforeReads(session.storage, edit.act), session);
  const early = server.follow();
  await early.until("caught_up");
  message = await server.appendOne("original");
  await early.next();

  edit.isArmed = true;
  const late = server.follow();
  const history = await late.until("caught_up");
  await server.append("next");

  expect(history).toMatchObject([{ messages: [{ content: "edited" }] }]);
  expect(sequencesOf([await late.next()])).toEqual([2]);
  expect(await early.next()).toMatchObject({ change: { message: { content: "edited" } } });
});

it("leaves out the change of a message that was read after it for all", async () => {
  const session = await createLiveSession();
  const here = session.serve();
  let message: Message | undefined;
  const edit = once(() =>
    here.storage.messages.update(session, message?.id ?? "", { content: "edited" }, undefined),
  );
  const storage = beforeReads(session.storage, edit.act);
  const there = new LiveServer(storage, session, { pollIntervalMs: 1 });
  const reader = there.follow();
  await reader.until("caught_up");

  edit.isArmed = true;
  message = await here.appendOne("original");
  const first = await reader.next();
  await here.storage.sessions.update(session, { title: "T" });

  expect(first).toMatchObject({ messages: [{ content: "edited" }] });
  expect(await reader.next()).toMatchObject({ change: { type: "session_updated" } });
});

it("leaves out what was shown of a message before the writer that a follower read it from", async () => {
  const session = await createLiveSession();
  const { ref, write } = await startWrite(session.storage, session);
  const takeOver = once(async () => {
    const { messageId, sequence, epoch } = ref;
    const delta = { messageId, sequence, epoch, offset: 0, partIndex: 0, parts: [] };
    const lost = { ...delta, text: "lost for ever" };
    server.feeds.written(session.sessionId, lost);
    const next = await startWrite(session.storage, session, write);
    await session.storage.writes.checkpoint(next.ref, textOf("new"), LONG_LEASE_MS);
  });
  const server = new LiveServer(beforeReads(session.storage, takeOver.act), session);
  const early = server.follow({ includeDeltas: true });
  await early.until("caught_up");

  const shown = early.next();
  takeOver.isArmed = true;
  const late = server.follow({ includeDeltas: true });
  const history = await late.until("caught_up");
  await server.append("next");

  expect(history).toMatchObject([{ messages: [{ content: "new" }] }]);
  expect(sequencesOf([await late.next()])).toEqual([2]);
  expect(await shown).toMatchObject({ delta: { text: "lost for ever" } });
});

it("shows what is written of a message that it read before it was told of it", async () => {
  const session = await createLiveSession();
  const server = session.serve();
  const reader = server.follow({ includeDeltas: true });
  await reader.until("caught_up");
  const { ref, started } = await startWrite(session.storage, session);
  server.feeds.changed(session.sessionId);
  await reader.untilSequence(1);

  const { message, headSequence, revision } = started;
  const told = { messages: [message], agentStates: [], headSequence, revision, isRepeated: false };
  server.feeds.appended(session.sessionId, told);
  const { messageId, sequence, epoch } = ref;
  const delta = { messageId, sequence, epoch, offset: 0, partIndex: 0, parts: [] };
  server.feeds.written(session.sessionId, { ...delta, text: "live" });
  await server.append("next");

  expect(await reader.next()).toMatchObject({ delta: { text: "live" } });
});

it("goes on where it was when the database fails in the middle of a look", async () => {
  const session = await createLiveSession();
  const here = session.serve();
  let reads = 0;
  const storage = beforeReads(session.storage, async () => {
    reads += 1;
    if (reads % 2 === 0) throw new StateError("unavailable", "DATABASE_UNAVAILABLE", "away");
  });
  const there = new LiveServer(storage, session, { pollIntervalMs: 1 });
  const reader = there.follow();
  await reader.until("caught_up");

  await here.append(...numbers(1, 900).map(String));
  await reader.untilSequence(900);
  await here.storage.sessions.update(session, { title: "T" });
  const last = await reader.next();

  expect(reads).toBeGreaterThan(2);
  expect(sequencesOf(reader.frames)).toEqual(numbers(1, 900));
  expect(last).toMatchObject({ change: { type: "session_updated" } });
  expect(reader.frames.filter(({ type }) => type === "caught_up")).toHaveLength(1);
});
