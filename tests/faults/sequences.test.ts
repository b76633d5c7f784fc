import type { Message, State } from "@mofa-state/client";
import { expect, it } from "vitest";
import { collect } from "../support/collect.js";
import { isServerKind } from "../support/database-kinds.js";
import { describeDatabases, type TestDatabase } from "../support/databases.js";
import { startServerProcess } from "../support/server-process.js";
import { connectForTest, startTestServer } from "../support/test-server.js";

const WRITERS = 32;
const APPENDS = 100;
const TOTAL = WRITERS * APPENDS;

/** Starts as many servers as may share a database of the kind, and connects to each. */
async function connectToServers(database: TestDatabase): Promise<readonly State[]> {
  const url = await database.create();
  if (!isServerKind(database.kind)) {
    const server = await startTestServer({ database: url });
    return [await connectForTest(server.address)];
  }
  const servers = [await startServerProcess(url), await startServerProcess(url)];
  return Promise.all(servers.map(({ address }) => connectForTest(address)));
}

/** Appends one message after the other, and gives what was stored. */
async function write(state: State, sessionId: string, writer: number): Promise<Message[]> {
  const session = await state.sessions.get(sessionId);
  const stored: Message[] = [];
  for (let count = 0; count < APPENDS; count++) {
    const { messages } = await session.append({ role: "user", content: `${writer}/${count}` });
    stored.push(...messages);
  }
  return stored;
}

function byWriter(messages: readonly Message[], writer: number): readonly string[] {
  return messages.map(({ content }) => content).filter((text) => text.startsWith(`${writer}/`));
}

describeDatabases("32 writers of one session", (database) => {
  it("get every sequence once, each in its own order", { timeout: 120_000 }, async () => {
    const states = await connectToServers(database);
    const [first] = states;
    const session = await first?.sessions.create();
    if (session === undefined) throw new Error("no server was started");

    const written = await Promise.all(
      Array.from({ length: WRITERS }, (_, writer) => {
        const state = states[writer % states.length];
        return state === undefined ? [] : write(state, session.id, writer);
      }),
    );

    const answered = written.flat().toSorted((a, b) => a.sequence - b.sequence);
    const stored = await collect(session.messages());
    const sequences = Array.from({ length: TOTAL }, (_, index) => index + 1);
    expect(answered.map(({ sequence }) => sequence)).toEqual(sequences);
    expect(stored).toEqual(answered);
    for (let writer = 0; writer < WRITERS; writer++) {
      const inOrder = Array.from({ length: APPENDS }, (_, count) => `${writer}/${count}`);
      expect(byWriter(stored, writer)).toEqual(inOrder);
    }
    const times = stored.map(({ createdAt }) => createdAt.getTime());
    expect(times).toEqual(times.toSorted((a, b) => a - b));
    const { headSequence, messageCount, revision } = await session.refresh();
    expect([headSequence, messageCount, revision]).toEqual([TOTAL, TOTAL, TOTAL + 1]);
  });
});
