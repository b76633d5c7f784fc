import { expect, it } from "vitest";
import { StateError } from "../../../../server/src/domain/errors.js";
import type { Storage } from "../../../../server/src/domain/storage.js";
import { createLiveSession, LiveServer } from "./live-session.js";

/** Gives a storage whose looks at sessions fail while it is away. */
function looking(storage: Storage): { isAway: boolean; readonly storage: Storage } {
  const { changes } = storage;
  const look = {
    isAway: false,
    storage: {
      ...storage,
      changes: {
        position: changes.position.bind(changes),
        read: changes.read.bind(changes),
        messagesBeingWritten: changes.messagesBeingWritten.bind(changes),
        tail: changes.tail.bind(changes),
        async revisions(ids: readonly string[]) {
          if (look.isAway) throw new StateError("unavailable", "DATABASE_UNAVAILABLE", "away");
          return changes.revisions(ids);
        },
      },
    },
  };
  return look;
}

it("ends followers without another heartbeat where the database stays away", async () => {
  const session = await createLiveSession();
  const server = session.serve({ heartbeatIntervalMs: 150, pollIntervalMs: 5 });
  const readers = [server.follow(), server.follow()];
  for (const reader of readers) await reader.until("caught_up");

  await session.storage.close();

  for (const reader of readers) {
    const refusal = { code: "unavailable", reason: "DATABASE_UNAVAILABLE", retryAfterMs: 1_000 };
    await expect(reader.next()).rejects.toMatchObject(refusal);
  }
  expect(server.feeds.size).toBe(0);
});

it("goes on with heartbeats once the database is back", async () => {
  const session = await createLiveSession();
  const look = looking(session.storage);
  const options = { heartbeatIntervalMs: 100, pollIntervalMs: 5 };
  const server = new LiveServer(look.storage, session, options);
  const reader = server.follow();
  await reader.until("caught_up");

  look.isAway = true;
  const next = reader.next();
  await expect.poll(() => server.feeds.isUpToDate, { interval: 1 }).toBe(false);
  look.isAway = false;

  expect(await next).toMatchObject({ type: "heartbeat" });
  expect(server.feeds.isUpToDate).toBe(true);
});

it("tells of a deletion though the database fails in that moment", async () => {
  const session = await createLiveSession();
  const look = looking(session.storage);
  const server = new LiveServer(look.storage, session);
  const reader = server.follow();
  await reader.until("caught_up");

  look.isAway = true;
  await server.storage.sessions.delete(session);

  expect(await reader.next()).toMatchObject({ change: { type: "session_deleted", revision: 2 } });
  await expect(reader.next()).rejects.toMatchObject({ reason: "SESSION_DELETED" });
});
