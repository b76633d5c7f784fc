import type { Appended } from "../domain/storage.js";
import type { AppendContext, SessionAppend } from "./append.js";
import type { Database } from "./database.js";
import type { MessageRow } from "./entities.js";
import { refusalOf } from "./expected-head.js";
import type { KnownHeads } from "./known-heads.js";
import { placeAppend } from "./placed-append.js";
import type { HeadAdvance, SessionHead } from "./session-row.js";

/** Appends in their places, as these are known. */
interface Placed {
  /** By the sessions' ids. */
  readonly advances: ReadonlyMap<string, HeadAdvance>;
  readonly rows: readonly MessageRow[];
}

/**
 * Carries out appends going by what is known of their sessions, in one round trip, and gives
 * what was stored. Those that are not among it have had no effect: their session is not as it
 * is known, or another transaction has locked it. Those to one session are stored together,
 * in their order.
 *
 * Stores nothing where one of the appends needs more than new messages in places that are
 * known.
 *
 * @throws the database's error if it refuses any, as it does where a message's id is known,
 * and MySQL and MariaDB where a session is not as it is known: then nothing was stored.
 */
export async function appendAtOnce<A extends SessionAppend>(
  database: Database,
  appends: readonly A[],
  context: AppendContext,
): Promise<ReadonlyMap<A, Appended>> {
  const placed = placeAll(appends, context.known);
  if (placed === undefined) return new Map();
  const { known } = context;
  try {
    const advanced = await write(database, placed, context);
    for (const [id, { before, after }] of placed.advances) {
      if (advanced.has(id)) known.remember(before, after);
      else known.doubt(id);
    }
    return new Map([...placed.appended].filter(([{ ref }]) => advanced.has(ref.sessionId)));
  } catch (error) {
    for (const id of placed.advances.keys()) known.doubt(id);
    throw error;
  }
}

/** Writes what is placed, and gives the ids of the sessions that have been advanced. */
function write(
  database: Database,
  placed: Placed,
  context: AppendContext,
): Promise<ReadonlySet<string>> {
  const { appendAtOnce, lockKnown } = database.dialect;
  if (appendAtOnce !== undefined) return writeTogether(database, placed, context);
  if (lockKnown !== undefined) return writeAllOrNone(database, placed, context);
  return writeOneByOne(database, placed, context);
}

/** Writes by one statement, and gives the ids of the sessions that it has advanced. */
async function writeTogether(
  database: Database,
  { advances, rows }: Placed,
  { sessions, messages }: AppendContext,
): Promise<ReadonlySet<string>> {
  const heads = [...advances.values()];
  const values = rows.map((row) => messages.toValues(row));
  const [head] = heads;
  const [row] = values;
  const isOne = values.length === 1 && head !== undefined && row !== undefined;
  const one = isOne ? sessions.toAppendOne(head, row) : undefined;
  const statement = one ?? sessions.toAppendAtOnce(heads, values);
  return sessions.toIds(await database.statementInTurn(statement));
}

/** Does the same by statements that are sent together, of which the first one fails if a session is not as it is known. */
async function writeAllOrNone(
  database: Database,
  { advances, rows }: Placed,
  { sessions, messages }: AppendContext,
): Promise<ReadonlySet<string>> {
  const heads = [...advances.values()];
  await database.statementsInTurn([
    sessions.toLockKnown(heads.map(({ before }) => before)),
    ...messages.toInserts(rows),
    ...sessions.toAdvances(heads.map(({ after }) => after)),
  ]);
  return new Set(advances.keys());
}

/** Does the same by a statement for each session, where no statement is a round trip. */
function writeOneByOne(
  database: Database,
  { advances, rows }: Placed,
  { sessions, messages }: AppendContext,
): Promise<ReadonlySet<string>> {
  return database.transactionInTurn(async (connection) => {
    const advanced = new Set<string>();
    for (const [id, advance] of advances) {
      const { affected } = await connection.query(...sessions.toKnownAdvance(advance));
      if (affected > 0) advanced.add(id);
    }
    const added = rows.filter(({ sessionId }) => advanced.has(sessionId));
    await messages.insert(connection, added);
    return advanced;
  });
}

/** Gives all appends their places; undefined if there is one for which that cannot be done. */
function placeAll<A extends SessionAppend>(
  appends: readonly A[],
  known: KnownHeads,
): (Placed & { readonly appended: ReadonlyMap<A, Appended> }) | undefined {
  const advances = new Map<string, HeadAdvance>();
  const rows: MessageRow[] = [];
  const appended = new Map<A, Appended>();
  for (const append of appends) {
    const { sessionId } = append.ref;
    const advance = advances.get(sessionId);
    const head = advance?.after ?? known.get(sessionId);
    if (head === undefined || !isPlain(append, head)) return undefined;
    const placed = placeAppend(append.request.messages, head);
    const { headSequence, revision } = placed.head;
    rows.push(...placed.rows);
    advances.set(sessionId, { before: advance?.before ?? head, after: placed.head });
    const { messages } = placed;
    appended.set(append, { messages, agentStates: [], headSequence, revision, isRepeated: false });
  }
  return { advances, rows, appended };
}

/** Whether an append does nothing but add messages to a session, which would not be refused. */
function isPlain({ ref, request }: SessionAppend, head: SessionHead): boolean {
  const { messages, agentStates, apiCalls, expectedHeadSequence } = request;
  return (
    agentStates.length === 0 &&
    apiCalls.length === 0 &&
    head.tenantId === ref.tenantId &&
    head.deletedAt === null &&
    !head.isLayered &&
    refusalOf(head, messages.length, expectedHeadSequence) === undefined
  );
}
