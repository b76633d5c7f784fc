import { performance } from "node:perf_hooks";
import type { Session } from "@mofa-state/client";
import { expect, it } from "vitest";
import { describeDatabases } from "../support/databases.js";
import { shareServer } from "./shared-server.js";

const LONG = 20_000;
const SHORT = 20;
const ROUNDS = 25;

async function createWith(session: Session, count: number): Promise<Session> {
  for (let at = 0; at < count; at += 1_000) {
    const size = Math.min(1_000, count - at);
    await session.append(Array.from({ length: size }, () => ({ role: "user", content: "x" })));
  }
  return session;
}

async function readNewest(session: Session): Promise<number[]> {
  const sequences: number[] = [];
  for await (const { sequence } of session.messages({ last: 10 })) sequences.push(sequence);
  return sequences;
}

async function listNewest(session: Session): Promise<number[]> {
  const page = await session.listMessagesPage({ pageSize: 10, order: "descending" });
  return page.messages.map(({ sequence }) => sequence);
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[values.length >> 1] ?? 0;
}

/** Gives how many times longer a read takes on one session than on another, by medians. */
async function compare(
  read: (session: Session) => Promise<unknown>,
  long: Session,
  short: Session,
): Promise<number> {
  const times = new Map<Session, number[]>([
    [long, []],
    [short, []],
  ]);
  // In turns, so that what else the machine does slows both alike.
  for (let round = 0; round < ROUNDS; round += 1) {
    for (const [session, taken] of times) {
      const start = performance.now();
      await read(session);
      taken.push(performance.now() - start);
    }
  }
  return median(times.get(long) ?? []) / median(times.get(short) ?? []);
}

describeDatabases("a long history", (database) => {
  const server = shareServer(database);

  // A read that goes through the whole of it takes several times as long; one by the key
  // takes as long as on a short one. In between lies the noise of a busy machine.
  it("gives its newest 10, oldest first, at the cost of a short one's", async () => {
    const state = await server.connect({ timeoutMs: 60_000 });
    const long = await createWith(await state.sessions.create(), LONG);
    const short = await createWith(await state.sessions.create(), SHORT);

    const newest = Array.from({ length: 10 }, (_, index) => LONG - 9 + index);
    expect(await readNewest(long)).toEqual(newest);
    expect(await listNewest(long)).toEqual([...newest].reverse());
    expect(await compare(readNewest, long, short)).toBeLessThan(3);
    expect(await compare(listNewest, long, short)).toBeLessThan(3);
  });
});
