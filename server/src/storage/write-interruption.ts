import { StateError } from "../domain/errors.js";
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
 */
export async function interruptMessages(
  database: Database,
  { onlyExpired }: InterruptionOptions,
): Promise<readonly string[]> {
  const leases = new LeaseRows(database);
  const interrupted = new Set<string>();
  for (;;) {
    const found = await database.read((connection) =>
      leases.list(connection, { onlyExpired, limit: BATCH }),
    );
    let count = 0;
    for (const message of found) {
      if (!(await interrupt(database, leases, message, { onlyExpired }))) continue;
      interrupted.add(message.sessionId);
      count += 1;
    }
    // Where others were quicker with all of them, they see to the rest too.
    if (found.length < BATCH || count === 0) return [...interrupted];
  }
}

/** Interrupts the writing of one message, unless it has ended or gone on meanwhile. */
async function interrupt(
  database: Database,
  leases: LeaseRows,
  message: LeasedMessage,
  { onlyExpired }: InterruptionOptions,
): Promise<boolean> {
  const { sessionId, sequence, epoch } = message;
  const sessions = new SessionRows(database);
  try {
    return await database.lockingTransaction(sessionId, async (connection) => {
      const head = await sessions.lock(connection, message);
      const lease = await leases.find(connection, message);
      if (lease?.epoch !== epoch || (onlyExpired && !lease.hasExpired)) return false;
      const next = nextOf(head);
      const changed = { status: "interrupted", ...next };
      const { manager, entities } = connection;
      await manager.update(entities.message, { sessionId, sequence }, changed);
      await leases.remove(connection, message);
      await recordMessageChange(connection, sessionId, sequence, next.revision);
      await sessions.advance(connection, sessionId, advanceTo(head, next));
      return true;
    });
  } catch (error) {
    if (error instanceof StateError && error.reason === "SESSION_DELETED") return false;
    throw error;
  }
}
