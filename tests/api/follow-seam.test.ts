import { setImmediate } from "node:timers/promises";
import type { Session, State } from "@mofa-state/client";
import { expect, it } from "vitest";
import { type DatabaseKind, isServerKind } from "../support/database-kinds.js";
import { describeDatabases, type TestDatabase } from "../support/databases.js";
import { SessionReplica } from "../support/session-replica.js";
import { connectForTest, startTestServer } from "../support/test-server.js";

/** How many sessions are raced in at once, by a writer and a follower each. */
const LANES = 8;

/** How many appends a round has, one after the other, while the follower arrives. */
const APPENDS = 4;

/** How often a writer races a follower. A server's round trips make a round several times as long. */
function roundsOn(kind: DatabaseKind): number {
  return isServerKind(kind) ? 500 : 1_000;
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

type Start = { readonly after: number } | { readonly last: number };

/** Where a follower starts that is to see what comes after the head: a little before it, or there. */
function startOf(round: number, head: number): Start {
  if (round % 3 === 2) return { last: 2 };
  return { after: round % 3 === 0 ? head : Math.max(0, head - 3) };
}

/** Says which messages did not come right after the one before, the first one after `before`. */
function gapsIn(sequences: readonly number[], before: number): readonly string[] {
  return sequences.flatMap((sequence, index) => {
    const previous = sequences[index - 1] ?? before;
    return sequence === previous + 1 ? [] : [`message ${sequence} came after message ${previous}`];
  });
}

/** Follows until a message has come and its neighbour's edit, and gives what is wrong with it. */
async function followUntil(
  session: Session,
  start: Start & { readonly deltas: boolean },
  last: { readonly sequence: number; readonly edited: string },
): Promise<readonly string[]> {
  const replica = new SessionReplica();
  const problems: string[] = [];
  const sequences: number[] = [];
  let head = last.sequence;
  const onCaughtUp = (position: { readonly headSequence: number }) => {
    head = position.headSequence;
  };
  const signal = AbortSignal.timeout(30_000);
  for await (const event of session.follow({ ...start, onCaughtUp, signal })) {
    const problem = replica.apply(event);
    if (problem !== undefined) problems.push(problem);
    if (event.type === "message") sequences.push(event.message.sequence);
    const { messages } = replica;
    if (messages.has(last.sequence) && messages.get(last.sequence - 1)?.content === last.edited) {
      break;
    }
  }
  if ("after" in start) return [...problems, ...gapsIn(sequences, start.after)];
  // The head may have moved on until the server counted back from it, but not past this one.
  const latest = Math.max(0, head - start.last);
  return [...problems, ...gapsIn(sequences, Math.min(latest, (sequences[0] ?? 1) - 1))];
}

/** Appends and edits while a follower arrives, and gives what is wrong with what that one got. */
async function race(
  writer: Session,
  reader: Session,
  round: number,
  head: number,
): Promise<readonly string[]> {
  const edited = `edited in round ${round}`;
  const start = { ...startOf(round, head), deltas: round % 2 === 0 };
  const following = followUntil(reader, start, { sequence: head + APPENDS, edited });
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
