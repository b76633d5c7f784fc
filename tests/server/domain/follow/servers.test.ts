import { expect, it } from "vitest";
import { announce } from "../../../../server/src/domain/follow/announced-storage.js";
import { Feeds } from "../../../../server/src/domain/follow/feeds.js";
import { SILENT_LOGGER } from "../../../../server/src/domain/log.js";
import type { Storage } from "../../../../server/src/domain/storage.js";
import {
  appendOf,
  endOf,
  newMessage,
  newState,
  startWrite,
} from "../../../storage/contract/samples.js";
import { sequencesOf } from "./frame-reader.js";
import { createLiveSession, LiveServer, type LiveSession } from "./live-session.js";
import { withChanges } from "./with-changes.js";

/** Does one of everything, and waits each time until so many frames have come of it. */
async function live(
  session: LiveSession,
  server: LiveServer,
  came: (frames: number) => Promise<unknown>,
): Promise<void> {
  const { messages, sessions, agentStates, writes } = server.storage;
  const done = async <T>(work: Promise<T>, frames = 1): Promise<T> => {
    const outcome = await work;
    await came(frames);
    return outcome;
  };
  const { messages: stored } = await done(server.append("one", "two", "three"));
  const [one, two] = stored.map(({ id }) => id);
  await done(messages.update(session, one ?? "", { content: "1" }, undefined));
  await done(messages.delete(session, two ?? ""));
  await done(sessions.update(session, { title: "T" }));
  await done(agentStates.put(session, newState({ key: "k" })));
  await done(agentStates.delete(session, "k", undefined));
  const { ref } = await done(startWrite(server.storage, session));
  await done(writes.finish(ref, endOf({ text: "whole" })));
  await done(messages.clear(session, 1));
  const agentState = newState({ key: "l" });
  const append = { ...appendOf(newMessage()), agentStates: [agentState] };
  await done(server.appendAll(append), 2);
  await done(server.append(...Array(70).fill("many")), 2);
  await done(sessions.delete(session));
}

it("gives the same frames for what it was told as for what it found in the database", async () => {
  const session = await createLiveSession();
  const here = session.serve();
  const readers = [here.follow(), session.serve({ pollIntervalMs: 2 }).follow()];
  for (const reader of readers) await reader.until("caught_up");

  await live(session, here, async (frames) => {
    for (const reader of readers) {
      for (let count = 0; count < frames; count += 1) await reader.next();
    }
  });

  const [told, found] = readers.map(({ frames }) => frames);
  expect(told).toHaveLength(15);
  expect(told).toEqual(found);
});

it("finds by polling what no doorbell told it, on a session of any age", async () => {
  const session = await createLiveSession();
  const here = session.serve();
  const there = session.serve({ pollIntervalMs: 20 });
  const reader = there.follow();
  await reader.until("caught_up");
  const start = performance.now();

  await here.append("one");
  await reader.untilSequence(1);

  expect(performance.now() - start).toBeLessThan(2_000);
});

it("reads what another server did before it gives what it was told afterwards", async () => {
  const session = await createLiveSession();
  const [here, there] = [session.serve(), session.serve()];
  const reader = here.follow();
  await reader.until("caught_up");

  await there.append("one");
  await here.append("two");
  await there.storage.sessions.update(session, { title: "T" });
  await here.appendAll({ ...appendOf(), agentStates: [newState()] });
  const frames = [await reader.next(), await reader.next(), await reader.next()];

  expect(sequencesOf(frames)).toEqual([1, 2]);
  expect(frames.slice(1)).toMatchObject([
    { change: { type: "session_updated", revision: 4 } },
    { change: { type: "state_put", revision: 5 } },
  ]);
});

it("hears the doorbell of another server", async () => {
  const session = await createLiveSession();
  const listeners = new Set<(ids: readonly string[]) => void>();
  const doorbell = {
    ring: (id: string) => {
      for (const listener of listeners) listener([id]);
    },
    listen: (listener: (ids: readonly string[]) => void) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    close: async () => undefined,
  };
  const storage = { ...session.storage, doorbell };
  const [here, there] = [new LiveServer(storage, session), new LiveServer(storage, session)];
  const reader = there.follow();
  await reader.until("caught_up");

  await here.append("one");
  expect((await reader.next()).type).toBe("messages");
  const { ref } = await startWrite(here.storage, session);
  expect((await reader.next()).type).toBe("messages");
  await here.storage.writes.finish(ref, endOf());
  expect(await reader.next()).toMatchObject({ change: { type: "message_updated" } });
  await here.storage.sessions.update(session, { title: "T" });
  expect(await reader.next()).toMatchObject({ change: { type: "session_updated" } });
  expect(listeners.size).toBe(1);

  await reader.stop();
  expect(listeners.size).toBe(0);
});

/** Counts how often the revisions are looked up. */
function countPolls(plain: Storage): { readonly storage: Storage; polls: number } {
  const counted = {
    polls: 0,
    storage: withChanges(plain, {
      revisions(ids) {
        counted.polls += 1;
        return plain.changes.revisions(ids);
      },
    }),
  };
  return counted;
}

it("does not poll while nobody follows", async () => {
  const session = await createLiveSession();
  const [left, stayed] = [countPolls(session.storage), countPolls(session.storage)];
  const options = { pollIntervalMs: 1 };
  const reader = new LiveServer(left.storage, session, options).follow();
  await reader.until("caught_up");
  await new LiveServer(stayed.storage, session, options).follow().until("caught_up");
  while (left.polls < 3) await new Promise(setImmediate);

  await reader.stop();
  const [before, wanted] = [left.polls, stayed.polls + 20];
  while (stayed.polls < wanted) await new Promise(setImmediate);

  // One may have been about to begin.
  expect(left.polls).toBeLessThanOrEqual(before + 1);
});

it("stores what was appended though those who announce it fail", async () => {
  const session = await createLiveSession();
  const errors: string[] = [];
  const broken = {
    ...session.storage,
    changes: {
      position: () => Promise.reject(new Error("broken")),
      revisions: () => Promise.reject(new Error("broken")),
      read: () => Promise.reject(new Error("broken")),
      messagesBeingWritten: () => Promise.reject(new Error("broken")),
      changedMessages: () => Promise.reject(new Error("broken")),
      tail: () => Promise.reject(new Error("broken")),
    },
  };
  const feeds = new Feeds(broken, {
    pollIntervalMs: 1,
    heartbeatIntervalMs: 1_000,
    logger: { ...SILENT_LOGGER, error: (_values, message) => errors.push(message) },
  });
  const feed = feeds.join(session, { heard() {}, ended() {} });
  const storage = announce(session.storage, feeds);

  for (let count = 0; count < 3; count += 1) {
    await storage.messages.append(session, appendOf(newMessage()));
  }
  await expect(feed.refresh()).rejects.toThrow("broken");
  feeds.close();

  // Once of the session and once of the look for changes, however often it is tried.
  expect(errors).not.toEqual([]);
  expect(errors).toEqual([...new Set(errors)]);
  expect((await session.storage.sessions.get(session)).headSequence).toBe(3);
});
