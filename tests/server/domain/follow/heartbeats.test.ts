import { expect, it } from "vitest";
import { LONG_LEASE_MS, startWrite, textOf } from "../../../storage/contract/samples.js";
import { createLiveSession } from "./live-session.js";

it("sends a heartbeat when nothing was sent for the interval, and never ahead of data", async () => {
  const session = await createLiveSession();
  const server = session.serve({ heartbeatIntervalMs: 200 });
  await server.append("one");
  const reader = server.follow();
  await reader.until("caught_up");
  const start = performance.now();

  const first = await reader.next();
  const elapsedMs = performance.now() - start;
  await server.append("two");
  await reader.untilSequence(2);
  const second = await reader.next();

  expect(first).toMatchObject({ type: "heartbeat", headSequence: 1, revision: 2 });
  // The interval began when the frame before was sent, some time before it was read.
  expect(elapsedMs).toBeGreaterThan(100);
  expect(second).toMatchObject({ type: "heartbeat", headSequence: 2, revision: 3 });
});

it("says in a heartbeat how far the session has come where that made no frame", async () => {
  const session = await createLiveSession();
  const server = session.serve({ heartbeatIntervalMs: 40, pollIntervalMs: 10 });
  const { ref, started } = await startWrite(session.storage, session);
  const reader = server.follow();
  await reader.until("caught_up");
  const revision = await session.storage.writes.checkpoint(ref, textOf("some"), LONG_LEASE_MS);

  let frame = await reader.next();
  while (!("revision" in frame) || frame.revision < revision) frame = await reader.next();

  expect(revision).toBe(started.revision + 1);
  expect(reader.frames.slice(2).every(({ type }) => type === "heartbeat")).toBe(true);
  const start = { from: "resume_token", resumeToken: frame.resumeToken } as const;
  expect(await server.follow({ start }).until("caught_up")).toEqual([]);
});

it("sends none to a follower that gets frames", async () => {
  const session = await createLiveSession();
  const server = session.serve({ heartbeatIntervalMs: 500 });
  const reader = server.follow();
  await reader.until("caught_up");

  const start = performance.now();
  while (performance.now() - start < 700) {
    await server.append("x");
    await reader.next();
  }

  expect(reader.frames.filter(({ type }) => type === "heartbeat")).toEqual([]);
});
