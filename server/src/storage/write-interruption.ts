import { recordMessageChange } from "./change-rows.js";
import type { Database } from "./database.js";
import { type LeasedMessage, LeaseRows } from "./lease-rows.js";
import { advanceTo, nextOf, SessionRows } from "./session-row.js";

/** How many messages are looked up at once. */
const BATCH = 100;

/** Which of the messages that are being written to interrupt. */
export interface InterruptionOptions {
  /** Whether to leave those alone whose lease still runs. */
  readonly onlyExpired: boolean;
}

/**
 * Makes messages that are being written `interrupted`, each in a transaction of its own,
 * and gives the sessions that they are of. Others may do so at the same time.
 *
 * It waits for no lock: a message whose session is locked is left for the next time. One
 * that cannot be interrupted keeps none of the others from it.
 *
 * @throws the error of the first that could not be interrupted, if none could.
 */
export async function interruptMessages(
  database: Database,
  { onlyExpired }: InterruptionOptions,
): Promise<readonly string[]> {
  const leases = new LeaseRows(database);
  const interrupted = new Set<string>();
  let failure: { readonly error: unknown } | undefined;
  let leftCount = 0;
  for (;;) {
    const found = await database.read((connection) =>
      leases.list(connection, { onlyExpired, offset: leftCount, limit: BATCH }),
    );
    for (const message of found) {
      try {
        if (await interrupt(database, leases, message, { onlyExpired })) {
          interrupted.add(message.sessionId);
          continue;
        }
      } catch (error) {
        failure ??= { error };
      }
      leftCount += 1;
    }
    if (found.length < BATCH) break;
  }
  if (failure !== undefined && interrupted.size === 0) throw failure.error;
  return [...interrupted];
}

/** Interrupts the writing of one message, unless it has ended or gone on, or its session is locked. */
function interrupt(
  database: Database,
  leases: LeaseRows,
  message: LeasedMessage,
  { onlyExpired }: InterruptionOptions,
): Promise<boolean> {
  const { sessionId, sequence, epoch } = message;
  const sessions = new SessionRows(database);
  // Not in turn with those that lock the session here: they may wait long for a lock.
  return database.transaction(async (connection) => {
    const head = await sessions.lockIfFree(connection, sessionId);
    if (head === undefined) return false;
    const lease = await leases.find(connection, message);
    if (lease?.epoch !== epoch || (onlyExpired && !lease.hasExpired)) return false;
    const next = nextOf(head);
    const changed = { status: "interrupted", ...next };
    const { manager, entities } = connection;
    const place = { sessionId: lease.layerId ?? sessionId, sequence };
    await manager.update(entities.message, place, changed);
    await leases.remove(connection, message);
    await recordMessageChange(connection, sessionId, place, next.revision);
    await sessions.advance(connection, sessionId, advanceTo(head, next));
    return true;
  });
}
