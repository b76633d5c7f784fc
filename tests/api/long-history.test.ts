import { performance } from "node:perf_hooks";
import type { Session } from "@mofa-state/client";
import { expect, it } from "vitest";
import { collect } from "../support/collect.js";
import { describeDatabases, type TestDatabase } from "../support/databases.js";
import { connectForTest, startTestServer } from "../support/test-server.js";
import { SEEDED, seedMessages } from "./seed-messages.js";

/** What memory gets in place of {@link SEEDED}, since only its server can write there. */
const APPENDED = 20_000;
const SHORT = 100;
const ROUNDS = 30;

/** Opens a long session and a short one on a database of their own. */
async function openSessions(database: TestDatabase) {
  const url = await database.create();
  const server = await startTestServer({ database: url });
  const state = await connectForTest(server.address);
  const long = await state.sessions.create();
  const short = await state.sessions.create();
  await append(short, SHORT);
  if (database.kind === "memory") {
    await append(long, APPENDED);
  } else {
    await append(long, 1);
    await seedMessages(database.kind, url, long);
  }
  return { long, short };
}

async function append(session: Session, count: number): Promise<void> {
  for (let left = count; left > 0; left -= 1_000) {
    const batch = Array.from({ length: Math.min(left, 1_000) }, () => ({ role: "user" }) as const);
    await session.append(batch);
  }
}

async function readNewest(session: Session): Promise<readonly number[]> {
  return (await collect(session.messages({ last: 10 }))).map(({ sequence }) => sequence);
}

async function listNewest(session: Session): Promise<readonly number[]> {
  const page = await session.listMessagesPage({ pageSize: 10, order: "descending" });
  return page.messages.map(({ sequence }) => sequence);
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1] ?? 0;
}

async function millisecondsOf(work: () => Promise<unknown>): Promise<number> {
  const startedAt = performance.now();
  await work();
  return performance.now() - startedAt;
}

/** Gives how many times longer a read takes on one session than on another, by medians. */
async function compare(
  read: (session: Session) => Promise<unknown>,
  long: Session,
  short: Session,
): Promise<number> {
  const [longTimes, shortTimes]: [number[], number[]] = [[], []];
  // In turns, so that what else the machine does slows both alike.
  for (let round = 0; round < ROUNDS; round += 1) {
    longTimes.push(await millisecondsOf(() => read(long)));
    shortTimes.push(await millisecondsOf(() => read(short)));
  }
  return median(longTimes) / median(shortTimes);
}

describeDatabases("a long history", (database) => {
  // To go through a million messages takes fifty times as long as to go to one by its key.
  it("gives its newest 10 at the cost of a short one's", { timeout: 120_000 }, async () => {
    const { long, short } = await openSessions(database);
    const { headSequence } = await long.refresh();

    const newest = Array.from({ length: 10 }, (_, index) => headSequence - 9 + index);
    expect(headSequence).toBe(database.kind === "memory" ? APPENDED : SEEDED);
    expect(await readNewest(long)).toEqual(newest);
    expect(await listNewest(long)).toEqual(newest.toReversed());
    expect(await compare(readNewest, long, short)).toBeLessThanOrEqual(3);
    expect(await compare(listNewest, long, short)).toBeLessThanOrEqual(3);
  });
});
