import { expect, it, onTestFinished } from "vitest";
import { readContext } from "../../server/src/domain/context/context.js";
import type { ContextLimits } from "../../server/src/domain/context/room.js";
import type { Part, Role } from "../../server/src/domain/model.js";
import type { Page, SessionRef, Storage } from "../../server/src/domain/storage.js";
import type { Connection } from "../../server/src/storage/database.js";
import type { MessageRow } from "../../server/src/storage/entities.js";
import { toMessageRow } from "../../server/src/storage/message-row.js";
import { MessageRows } from "../../server/src/storage/message-rows.js";
import { migrateSchema } from "../../server/src/storage/migrate.js";
import { openDatabase } from "../../server/src/storage/open.js";
import type { DatabaseKind } from "../support/database-kinds.js";
import { describeDatabases } from "../support/databases.js";
import {
  appendOf,
  createSession,
  EVERYTHING,
  type MessageSample,
  newMessage,
} from "./contract/samples.js";
import { openForTest } from "./contract/storage-suite.js";

const LENGTH = 10_000;

const SESSION = "0198f000-0000-7000-8000-000000000001";

const SIZED = { maxItems: 64, maxBytes: 2 * 1024 * 1024, largestBytes: 1_000 };

const UNLIMITED: ContextLimits = {
  maxTurns: undefined,
  maxMessages: undefined,
  maxTokens: undefined,
  answerInterruptedCalls: false,
};

const EXPLAIN: Readonly<Record<DatabaseKind, string>> = {
  memory: "EXPLAIN QUERY PLAN",
  sqlite: "EXPLAIN QUERY PLAN",
  postgres: "EXPLAIN",
  mariadb: "EXPLAIN",
  mysql: "EXPLAIN",
};

/** A long conversation: a system message, and turns of a question and an answer. */
async function appendLong(storage: Storage, ref: SessionRef, sampleOf = toSample): Promise<void> {
  await appendAll(
    storage,
    ref,
    Array.from({ length: LENGTH }, (_, index) => sampleOf(index)),
  );
}

async function appendAll(
  storage: Storage,
  ref: SessionRef,
  samples: readonly MessageSample[],
): Promise<void> {
  for (let start = 0; start < samples.length; start += 1_000) {
    const batch = samples.slice(start, start + 1_000).map((sample) => newMessage(sample));
    await storage.messages.append(ref, appendOf(...batch));
  }
}

function fillers(length: number): readonly MessageSample[] {
  return Array.from({ length }, () => ({ role: "assistant" }) as const);
}

function toStep(
  role: Role,
  given: { readonly call?: string; readonly result?: string; readonly pinned?: boolean } = {},
): MessageSample {
  const { call, result, pinned = false } = given;
  const parts: Part[] = [];
  if (call !== undefined) parts.push({ type: "tool_call", id: call, name: "n", argumentsJson: "" });
  if (result !== undefined) {
    parts.push({ type: "tool_result", callId: result, text: "", isError: false });
  }
  return { role, parts, pinned };
}

function toSample(index: number): MessageSample {
  if (index === 0) return { role: "system", content: "system" };
  const content = `${index}`;
  if (index === 2_000) return { role: "assistant", content, pinned: true };
  return { role: index % 2 === 1 ? "user" : "assistant", content };
}

/** Gives a storage that counts the messages that are read from it. */
function counting(storage: Storage): { readonly storage: Storage; rows(): number } {
  let rows = 0;
  const count = async <T>(reading: Promise<Page<T>>) => {
    const page = await reading;
    rows += page.items.length;
    return page;
  };
  const { messages } = storage;
  const counted: Storage["messages"] = {
    append: (...args) => messages.append(...args),
    get: (...args) => messages.get(...args),
    read: (...args) => count(messages.read(...args)),
    readEncoded: (...args) => messages.readEncoded(...args),
    readFrom: (...args) => messages.readFrom(...args),
    readKept: (...args) => count(messages.readKept(...args)),
    sequenceBeforeLast: (...args) => messages.sequenceBeforeLast(...args),
    update: (...args) => messages.update(...args),
    delete: (...args) => messages.delete(...args),
    clear: (...args) => messages.clear(...args),
  };
  return { storage: { ...storage, messages: counted }, rows: () => rows };
}

type Statement = readonly [sql: string, parameters: readonly unknown[]];

/** Notes the statements that run on a connection. */
function noting(connection: Connection, noted: Statement[]): Connection {
  return {
    ...connection,
    query(sql, parameters) {
      noted.push([sql, parameters]);
      return connection.query(sql, parameters);
    },
    rawRows(statement, take) {
      noted.push(statement);
      return connection.rawRows(statement, take);
    },
  };
}

/** The rows of a long conversation. */
function longRows(): readonly MessageRow[] {
  const place = { sessionId: SESSION, revision: 2, time: new Date() };
  return Array.from({ length: LENGTH }, (_, index) =>
    toMessageRow(newMessage(toSample(index)), { ...place, sequence: index + 1 }),
  );
}

describeDatabases("the context of a long history", ({ kind, create }) => {
  it.each([
    ["turns", { maxTurns: 2 }, ["9997", "9998", "9999"]],
    ["messages", { maxMessages: 6 }, ["9997", "9998", "9999"]],
    ["tokens", { maxTokens: 40 }, ["9997", "9998", "9999"]],
  ] as const)("reads few rows by %s, and has its first message", async (_, given, newest) => {
    const counted = counting(await openForTest(await create()));
    const ref = await createSession(counted.storage);
    await appendLong(counted.storage, ref);

    const context = await readContext(counted.storage, ref, { ...UNLIMITED, ...given });

    const contents = context.messages.map(({ content }) => content);
    expect(contents).toEqual(["system", "1999", "2000", ...newest]);
    expect(context).toMatchObject({ headSequence: LENGTH, isTruncated: true });
    expect(counted.rows()).toBeLessThan(50);
  });

  it("reads few rows where the newest turn is long, and has its user message", async () => {
    const counted = counting(await openForTest(await create()));
    const ref = await createSession(counted.storage);
    await appendLong(counted.storage, ref, (index) => ({
      role: index === 1 ? "user" : "assistant",
      content: `${index}`,
    }));

    const limits = { ...UNLIMITED, maxMessages: 4 };
    const { messages } = await readContext(counted.storage, ref, limits);

    expect(messages.map(({ content }) => content)).toEqual(["1", "9997", "9998", "9999"]);
    expect(counted.rows()).toBeLessThan(50);
  });

  it("gives the steps that fit of a session without user messages", async () => {
    const counted = counting(await openForTest(await create()));
    const ref = await createSession(counted.storage);
    await appendLong(counted.storage, ref, (index) => ({
      role: "assistant",
      content: `${index}`,
    }));

    const limits = { ...UNLIMITED, maxMessages: 2 };
    const { messages } = await readContext(counted.storage, ref, limits);

    expect(messages.map(({ content }) => content)).toEqual(["9998", "9999"]);
    expect(counted.rows()).toBeLessThan(50);
  });

  it("has the whole step of a pinned message, however far its results lie apart", async () => {
    const storage = await openForTest(await create());
    const ref = await createSession(storage);
    const apart = [
      toStep("user"),
      toStep("assistant", { call: "x" }),
      ...fillers(800),
      toStep("tool", { result: "x", pinned: true }),
      ...fillers(300),
      toStep("user"),
    ];
    await appendAll(storage, ref, apart);

    const { messages } = await readContext(storage, ref, { ...UNLIMITED, maxTurns: 1 });

    const places = messages.map((message) => ("id" in message ? message.sequence : 0));
    expect(places).toEqual([1, 2, 803, 1_104]);
  });

  it("finds what is kept by an index, however little it knows of the table", async () => {
    const database = await openDatabase(await create(), 1);
    onTestFinished(() => database.close());
    await migrateSchema(database);
    const rows = new MessageRows(database);
    const noted: Statement[] = [];

    const page = await database.transaction(async (connection) => {
      await rows.insert(connection, longRows());
      return rows.readKept(noting(connection, noted), SESSION, EVERYTHING, SIZED);
    });
    const plans = await database.transaction(async ({ query }) => {
      const explained: string[] = [];
      for (const [sql, parameters] of noted) {
        const plan = await query(`${EXPLAIN[kind]} ${sql}`, parameters);
        explained.push(JSON.stringify(plan.rows));
      }
      return explained;
    });

    expect(page.rows.map(({ sequence }) => sequence)).toEqual([1, 2_001]);
    expect(plans.length).toBeGreaterThan(0);
    for (const plan of plans) expect(plan).toContain("messages_kept");
  });
});
