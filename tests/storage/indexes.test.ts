import { expect, it, onTestFinished } from "vitest";
import { newUuid } from "../../server/src/domain/uuid.js";
import { AlonePages } from "../../server/src/storage/alone-pages.js";
import { GroupSessions } from "../../server/src/storage/append-sessions.js";
import { listChangedMessages } from "../../server/src/storage/change-list.js";
import { ChangePages } from "../../server/src/storage/change-pages.js";
import type { Connection, Database } from "../../server/src/storage/database.js";
import type { SessionChangeRow, SessionRow } from "../../server/src/storage/entities.js";
import { MessageLookup } from "../../server/src/storage/message-lookup.js";
import { toMessageRow } from "../../server/src/storage/message-row.js";
import { MessageRows } from "../../server/src/storage/message-rows.js";
import { hashEntries } from "../../server/src/storage/metadata-index.js";
import { migrateSchema } from "../../server/src/storage/migrate.js";
import { openDatabase } from "../../server/src/storage/open.js";
import { SessionList, type SessionListing } from "../../server/src/storage/session-list.js";
import { SessionRows } from "../../server/src/storage/session-row.js";
import type { DatabaseKind } from "../support/database-kinds.js";
import { describeDatabases } from "../support/databases.js";
import { ALL_CHANGES, EVERYTHING, newMessage, WIDE } from "./contract/samples.js";

const LENGTH = 5_000;
const SESSIONS = 2_000;
const CHANGES = 2_000;
const TENANT = newUuid();
const USER = newUuid();
const AGENT = newUuid();
const SESSION = newUuid();
const MESSAGE = newUuid();
const SESSION_HEAD = {
  ...{ headSequence: LENGTH, messageCount: LENGTH },
  ...{ revision: CHANGES + 2, changeRevision: CHANGES, largestMessageBytes: 300 },
};
const METADATA = { project: "hedgehogs" };

/** How a database tells what it is going to do, and what it must not: read all, or sort. */
const PLANS: Readonly<Record<DatabaseKind, { explain: string; slow: RegExp }>> = {
  memory: { explain: "EXPLAIN QUERY PLAN", slow: /SCAN|TEMP B-TREE/ },
  sqlite: { explain: "EXPLAIN QUERY PLAN", slow: /SCAN|TEMP B-TREE/ },
  postgres: { explain: "EXPLAIN", slow: /Seq Scan|Sort|Bitmap/ },
  mariadb: { explain: "EXPLAIN", slow: /"type":"(ALL|index)"|filesort|temporary/ },
  mysql: { explain: "EXPLAIN", slow: /"type":"(ALL|index)"|filesort|temporary/ },
};

/** What the indexes are called that a table's definition makes: each database has its own names. */
const PRIMARY = {
  sessions: /sessions_1|sessions_pkey|PRIMARY/,
  messages: /messages_1|messages_pkey|PRIMARY/,
};

/** Lists what a statement's plan says. */
type Plan = () => Promise<string>;

/** Notes the statements that run on a connection, with what tells their plans. */
function noting(connection: Connection, explain: string, plans: Plan[]): Connection {
  const { manager } = connection;
  const note = (sql: string, parameters: readonly unknown[]) => {
    plans.push(async () => {
      const { rows } = await connection.query(`${explain} ${sql}`, parameters);
      return `${sql}\n${JSON.stringify(rows)}`;
    });
  };
  manager.dataSource.logger = Object.create(manager.dataSource.logger, {
    logQuery: {
      value: (sql: string, parameters?: unknown[]) => {
        if (!sql.startsWith("SELECT")) return;
        plans.push(async () => {
          const rows = await manager.query(`${explain} ${sql}`, parameters);
          return `${sql}\n${JSON.stringify(rows)}`;
        });
      },
    },
  });
  return {
    ...connection,
    query(sql, parameters) {
      note(sql, parameters);
      return connection.query(sql, parameters);
    },
    rawRows(statement, take) {
      note(...statement);
      return connection.rawRows(statement, take);
    },
  };
}

async function insertSessions({ manager, entities }: Connection): Promise<void> {
  const rows = Array.from({ length: SESSIONS }, (_, index): SessionRow => {
    const time = new Date(1_700_000_000_000 + index);
    return {
      ...{ id: SOME[index] ?? newUuid(), tenantId: TENANT, sessionKey: null },
      ...{ userId: USER, agentId: AGENT, title: "", metadata: "{}", version: 1 },
      ...SESSION_HEAD,
      ...{ forkSessionId: null, forkSequence: 0, frozenThrough: 0 },
      ...{ isLayered: false, editLayerId: null, treeId: null, bytes: 0 },
      ...{ requestHash: Buffer.alloc(32), createdAt: time, updatedAt: time, deletedAt: null },
    };
  });
  const [entryHash = Buffer.alloc(32)] = hashEntries(METADATA);
  for (let at = 0; at < rows.length; at += 200) {
    await manager.insert(entities.session, rows.slice(at, at + 200));
    const entries = rows.slice(at, at + 200).map(({ id }) => ({ sessionId: id, entryHash }));
    await manager.insert(entities.sessionMetadata, entries);
  }
}

async function insertChanges({ manager, entities }: Connection): Promise<void> {
  const nothing = { kind: "message", throughSequence: 0, layerId: null };
  const rows = Array.from({ length: CHANGES }, (_, index): SessionChangeRow => {
    return { ...nothing, sessionId: SESSION, sequence: index + 1, revision: index + 3 };
  });
  for (let at = 0; at < rows.length; at += 500) {
    await manager.insert(entities.sessionChange, rows.slice(at, at + 500));
  }
}

async function openFilled(url: string): Promise<Database> {
  const database = await openDatabase(url, 1);
  onTestFinished(() => database.close());
  await migrateSchema(database);
  await database.transaction(async (connection) => {
    await insertSessions(connection);
    await insertChanges(connection);
    const place = { sessionId: SESSION, revision: 2, time: new Date() };
    const messages = Array.from({ length: LENGTH }, (_, index) => {
      const id = index === 0 ? MESSAGE : newUuid();
      return toMessageRow(newMessage({ id }), { ...place, sequence: index + 1 });
    });
    await new MessageRows(database).insert(connection, messages);
  });
  return database;
}

/** Some of the sessions. */
const SOME = [SESSION, ...Array.from({ length: 7 }, newUuid)];
const FEW = { maxItems: 50, maxBytes: WIDE.maxBytes, largestBytes: 300 };
const NOT_FILTERED = { tenantId: TENANT, after: undefined };
const PAGE = { maxItems: 50, maxBytes: WIDE.maxBytes };

type Read = (database: Database, connection: Connection) => Promise<unknown>;

const READS: readonly (readonly [name: string, index: RegExp, read: Read])[] = [
  [
    "a session's position",
    PRIMARY.sessions,
    (database, connection) =>
      new SessionRows(database).read(connection, { tenantId: TENANT, sessionId: SESSION }),
  ],
  [
    "the sessions of a group of appends",
    PRIMARY.sessions,
    (database, { query }) => query(...new GroupSessions(database).toLock(SOME, true)),
  ],
  [
    "those sessions if they are as they are known to be",
    PRIMARY.sessions,
    (database, { query }) => {
      const sessions = new GroupSessions(database);
      const known = SOME.map((id) => ({ ...SESSION_HEAD, id }));
      const isOneRead = database.dialect.lockKnown !== undefined;
      return query(...(isOneRead ? sessions.toLockKnown(known) : sessions.toLock(SOME, false)));
    },
  ],
  [
    "a page of a history",
    PRIMARY.messages,
    (database, connection) => {
      const range = { ...EVERYTHING, afterSequence: 2_500 };
      return new MessageRows(database).read(connection, SESSION, range, FEW);
    },
  ],
  [
    "a page of a history of which nothing is known",
    PRIMARY.messages,
    (database, connection) => {
      const ref = { tenantId: TENANT, sessionId: SESSION };
      const range = { ...EVERYTHING, afterSequence: 2_500 };
      return new AlonePages(database).read(connection, ref, range, FEW);
    },
  ],
  [
    "the beginning of a history with where its session is",
    PRIMARY.messages,
    (database, connection) => {
      const ref = { tenantId: TENANT, sessionId: SESSION };
      const likely = { afterSequence: 2_500, maxItems: 9 };
      return new AlonePages(database).open(connection, ref, likely, FEW);
    },
  ],
  [
    "a page of a history backwards",
    PRIMARY.messages,
    (database, connection) => {
      const range = { ...EVERYTHING, upToSequence: 2_500, order: "descending" } as const;
      return new MessageRows(database).read(connection, SESSION, range, FEW);
    },
  ],
  [
    "where the last messages begin",
    PRIMARY.messages,
    (database, connection) => {
      const range = { count: 50, upToSequence: LENGTH };
      return new MessageRows(database).sequenceBeforeLast(connection, SESSION, range);
    },
  ],
  [
    "which messages have changed",
    /session_changes_by_revision/,
    (_, connection) => listChangedMessages(connection, SESSION, CHANGES - 10, 256),
  ],
  [
    "what a follower has not yet of the changes",
    /session_changes_by_revision|agent_state_by_revision/,
    (database, connection) => {
      const range = { ...ALL_CHANGES, afterRevision: CHANGES - 10 };
      return new ChangePages(database).read(connection, SESSION, range, 5);
    },
  ],
  [
    "whether a message is known",
    /messages_2|messages_id/,
    (database, connection) => {
      const session = { id: SESSION, isLayered: false };
      return new MessageLookup(database).findRequests(connection, session, [MESSAGE]);
    },
  ],
  [
    "the newest sessions",
    /sessions_by_activity/,
    (database, connection) => list(database, connection, NOT_FILTERED),
  ],
  [
    "the sessions after one",
    /sessions_by_activity/,
    (database, connection) => {
      const after = { updatedAt: new Date(1_700_000_001_000), id: newUuid() };
      return list(database, connection, { ...NOT_FILTERED, after });
    },
  ],
  [
    "the sessions of a user",
    /sessions_by_user/,
    (database, connection) => list(database, connection, { ...NOT_FILTERED, userId: USER }),
  ],
  [
    "the sessions with some metadata",
    /session_metadata_by_entry/,
    (database, connection) => list(database, connection, { ...NOT_FILTERED, metadata: METADATA }),
  ],
  [
    "the sessions of an agent",
    /sessions_by_agent/,
    (database, connection) => list(database, connection, { ...NOT_FILTERED, agentId: AGENT }),
  ],
];

function list(database: Database, connection: Connection, listing: SessionListing) {
  return new SessionList(database).read(connection, listing, PAGE);
}

describeDatabases("an index without sorting", ({ kind, create }) => {
  it("finds all that is read often, however little the database knows of its tables", async () => {
    const database = await openFilled(await create());
    const { explain, slow } = PLANS[kind];

    for (const [name, index, read] of READS) {
      const plan = await database.transaction(async (connection) => {
        const plans: Plan[] = [];
        await read(database, noting(connection, explain, plans));
        return plans[0]?.();
      });

      expect(plan, name).toMatch(index);
      expect(plan, name).not.toMatch(slow);
    }
  });
});
