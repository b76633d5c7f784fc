import { expect, it } from "vitest";
import { StateError } from "../../../../server/src/domain/errors.js";
import { SILENT_LOGGER } from "../../../../server/src/domain/log.js";
import type { Storage } from "../../../../server/src/domain/storage.js";
import { createSession } from "../../../storage/contract/samples.js";
import type { FrameReader } from "./frame-reader.js";
import { createLiveSession, LiveServer } from "./live-session.js";
import { withChanges } from "./with-changes.js";

const AWAY = new StateError("unavailable", "DATABASE_UNAVAILABLE", "away");
const REFUSAL = { code: "unavailable", reason: "DATABASE_UNAVAILABLE", retryAfterMs: 1_000 };

/** Gives a storage that finds no changes while it is away, or does not even answer. */
function looking(plain: Storage) {
  const look = {
    isAway: false,
    isSilent: false,
    storage: withChanges(plain, {
      async revisions(ids) {
        if (look.isSilent) return new Promise(() => undefined);
        if (look.isAway) throw AWAY;
        return plain.changes.revisions(ids);
      },
    }),
  };
  return look;
}

/** Follows a session in such a storage, to where it has caught up. */
async function followLooking(heartbeatIntervalMs: number) {
  const session = await createLiveSession();
  const look = looking(session.storage);
  const options = { heartbeatIntervalMs, pollIntervalMs: 5 };
  const server = new LiveServer(look.storage, session, options);
  const reader = server.follow();
  await reader.until("caught_up");
  return { look, server, reader };
}

/** Waits for the end of a stream, and passes over what came before. */
async function untilRefused(reader: FrameReader): Promise<never> {
  for (;;) await reader.next();
}

it("ends followers without another heartbeat where the database stays away", async () => {
  const session = await createLiveSession();
  const server = session.serve({ heartbeatIntervalMs: 150, pollIntervalMs: 5 });
  const readers = [server.follow(), server.follow()];
  for (const reader of readers) await reader.until("caught_up");

  await session.storage.close();

  await expect.poll(() => server.feeds.isUpToDate, { interval: 1 }).toBe(false);
  for (const reader of readers) await expect(reader.next()).rejects.toMatchObject(REFUSAL);
  expect(server.feeds.size).toBe(0);
});

it("ends them where it does not even answer", async () => {
  const { look, reader } = await followLooking(50);

  look.isSilent = true;

  await expect(untilRefused(reader)).rejects.toMatchObject(REFUSAL);
});

it("ends them also where others begin to follow meanwhile", async () => {
  const { look, server, reader } = await followLooking(100);

  look.isAway = true;
  let isRefused = false;
  const refused = untilRefused(reader).finally(() => {
    isRefused = true;
  });
  refused.catch(() => undefined);
  while (!isRefused)
    await server
      .follow()
      .until("caught_up")
      .catch(() => undefined);

  await expect(refused).rejects.toMatchObject(REFUSAL);
});

it("goes on with heartbeats once the database is back", async () => {
  const { look, server, reader } = await followLooking(100);

  look.isAway = true;
  const next = reader.next();
  await expect.poll(() => server.feeds.isUpToDate, { interval: 1 }).toBe(false);
  look.isAway = false;

  expect(await next).toMatchObject({ type: "heartbeat" });
  expect(server.feeds.isUpToDate).toBe(true);
});

it("ends the followers of a session that cannot be read, and no others, and says so once", async () => {
  const session = await createLiveSession();
  const other = await createSession(session.storage, { tenantId: session.tenantId });
  let isBroken = false;
  const storage = withChanges(session.storage, {
    async position(ref) {
      if (isBroken && ref.sessionId === other.sessionId) throw AWAY;
      return session.storage.changes.position(ref);
    },
  });
  const lines: string[] = [];
  const line = (_values: object, message: string) => lines.push(message);
  const logger = { ...SILENT_LOGGER, info: line, warn: line, error: line };
  const options = { heartbeatIntervalMs: 50, pollIntervalMs: 5, logger };
  const server = new LiveServer(storage, session, options);
  const [healthy, broken] = [server.follow(), server.follow({ ref: other })];
  for (const reader of [healthy, broken]) await reader.until("caught_up");

  isBroken = true;
  await session.storage.sessions.update(other, { title: "new" });

  await expect(untilRefused(broken)).rejects.toMatchObject(REFUSAL);
  for (let count = 0; count < 3; count++) {
    expect(await healthy.next()).toMatchObject({ type: "heartbeat" });
  }
  // A stall of this machine may look like an outage of all sessions.
  expect(lines.filter((line) => line.includes(other.sessionId))).toHaveLength(1);
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
