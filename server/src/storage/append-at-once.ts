import type { Appended } from "../domain/storage.js";
import type { AppendContext, SessionAppend } from "./append.js";
import type { Database } from "./database.js";
import type { MessageRow } from "./entities.js";
import { refusalOf } from "./expected-head.js";
import type { KnownHeads } from "./known-heads.js";
import { placeAppend } from "./placed-append.js";
import type { HeadAdvance, SessionHead } from "./session-row.js";

/** Appends in their places, as these are known. */
interface Placed<A> {
  readonly advances: ReadonlyMap<string, HeadAdvance>;
  readonly rows: readonly MessageRow[];
  readonly appended: ReadonlyMap<A, Appended>;
}

/**
 * Carries out appends by one statement, which goes by what is known of their sessions, and
 * gives what was stored. Those that are not among it have had no effect: their session is
 * not as it is known, or another transaction has locked it. Those to one session are stored
 * together, in their order.
 *
 * Stores nothing where the database has no such statement, or one of the appends needs more
 * than new messages in places that are known.
 *
 * @throws the database's error if it refuses any, as it does where a message's id is known:
 * then nothing was stored.
 */
export async function appendAtOnce<A extends SessionAppend>(
  database: Database,
  appends: readonly A[],
  { sessions, messages, known }: AppendContext,
): Promise<ReadonlyMap<A, Appended>> {
  const placed = sessions.canAppendAtOnce ? placeAll(appends, known) : undefined;
  if (placed === undefined) return new Map();
  const advances = [...placed.advances.values()];
  const statement = sessions.toAppendAtOnce(advances, messages.toJson(placed.rows));
  const advanced = sessions.toIds(await database.statementInTurn(statement));
  for (const { before, after } of advances) {
    if (advanced.has(after.id)) known.remember(before, after);
  }
  return new Map([...placed.appended].filter(([{ ref }]) => advanced.has(ref.sessionId)));
}

/** Gives all appends their places; undefined if there is one for which that cannot be done. */
function placeAll<A extends SessionAppend>(
  appends: readonly A[],
  known: KnownHeads,
): Placed<A> | undefined {
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
