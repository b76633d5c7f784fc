import { setImmediate } from "node:timers/promises";
import type { Session, SessionEvent, State } from "@mofa-state/client";
import { expect, it } from "vitest";
import { type DatabaseKind, isServerKind } from "../support/database-kinds.js";
import { describeDatabases, type TestDatabase } from "../support/databases.js";
import { SessionReplica } from "../support/session-replica.js";
import { connectForTest, startTestServer } from "../support/test-server.js";

/** How many sessions are raced in at once, by a writer and a follower each. */
const LANES = 8;

/** How many appends a round has, one after the other, while the follower arrives. */
const APPENDS = 4;

/** How often a writer races a follower. A server's round trips make a round ten times as long. */
function roundsOn(kind: DatabaseKind): number {
  return isServerKind(kind) ? 200 : 1_000;
}

/** Starts the servers of a database: the writers' one, and the followers' one if there may be two. */
async function startServers(database: TestDatabase): Promise<readonly [State, State]> {
  const url = await database.create();
  const first = await startTestServer({ database: url });
  const state = await connectForTest(first.address);
  if (!isServerKind(database.kind)) return [state, state];
  const second = await startTestServer({ database: url });
  return [state, await connectForTest(second.address)];
}

/** Where a follower starts that is to see what comes after the head: a little before it, or there. */
function startOf(round: number, head: number): Parameters<Session["follow"]>[0] {
  const starts = [{ after: head }, { after: Math.max(0, head - 3) }, { last: 2 }];
  return { ...starts[round % starts.length], deltas: round % 2 === 0 };
}

/** Follows until a message has come and its neighbour's edit, and gives what is wrong with it. */
async function followUntil(
  session: Session,
  options: Parameters<Session["follow"]>[0],
  last: { readonly sequence: number; readonly edited: string },
): Promise<readonly string[]> {
  const replica = new SessionReplica();
  const problems: string[] = [];
  let previous: SessionEvent | undefined;
  for await (const event of session.follow({ ...options, signal: AbortSignal.timeout(30_000) })) {
    const problem = replica.apply(event);
    if (problem !== undefined) problems.push(problem);
    if (event.type === "message" && previous?.type === "message") {
      const [before, now] = [previous.message.sequence, event.message.sequence];
      if (now !== before + 1) problems.push(`message ${now} came after message ${before}`);
    }
    if (event.type === "message") previous = event;
    const { messages } = replica;
    if (messages.has(last.sequence) && messages.get(last.sequence - 1)?.content === last.edited) {
      break;
    }
  }
  return problems;
}

/** Appends and edits while a follower arrives, and gives what is wrong with what that one got. */
async function race(
  writer: Session,
  reader: Session,
  round: number,
  head: number,
): Promise<readonly string[]> {
  const edited = `edited in round ${round}`;
  const following = followUntil(reader, startOf(round, head), { sequence: head + APPENDS, edited });
  for (let turn = 0; turn < round % 10; turn++) await setImmediate();
  for (let count = 1; count < APPENDS; count++) {
    const { messages } = await writer.append({ role: "user", content: `${round}/${count}` });
    if (count === APPENDS - 1)
      await writer.updateMessage(messages[0]?.id ?? "", { content: edited });
  }
  await writer.append({ role: "user", content: `${round}/last` });
  const problems = await following;
  return problems.map((problem) => `round ${round}: ${problem}`);
}

describeDatabases("the seam between what is there and what comes", (database) => {
  const rounds = roundsOn(database.kind);

  it(`loses and repeats nothing in ${rounds} rounds`, { timeout: 180_000 }, async () => {
    const [near, far] = await startServers(database);
    let round = 0;
    const runLane = async (): Promise<readonly string[]> => {
      const writer = await near.sessions.create();
      const reader = await far.sessions.get(writer.id);
      const problems: string[] = [];
      for (let head = 0; round < rounds; head += APPENDS) {
        round += 1;
        problems.push(...(await race(writer, reader, round, head)));
      }
      return problems;
    };

    const problems = await Promise.all(Array.from({ length: LANES }, runLane));

    expect(problems.flat()).toEqual([]);
    expect(round).toBe(rounds);
  });
});
