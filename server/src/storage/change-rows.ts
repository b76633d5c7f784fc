import type { Connection } from "./database.js";
import type { SessionChangeRow } from "./entities.js";

const UPDATE =
  "UPDATE session_changes SET revision = ?, through_sequence = ? WHERE session_id = ? AND kind = ? AND sequence = ?";

const INSERT =
  "INSERT INTO session_changes (revision, through_sequence, session_id, kind, sequence) VALUES (?, ?, ?, ?, ?)";

/** Which messages a clear took. */
export interface ClearedRange {
  readonly afterSequence: number;
  readonly throughSequence: number;
}

/** Records that a revision changed a message; its session must be locked. */
export async function recordMessageChange(
  connection: Connection,
  sessionId: string,
  sequence: number,
  revision: number,
): Promise<void> {
  await record(connection, { sessionId, kind: "message", sequence, revision, throughSequence: 0 });
}

/** Records that a revision changed what a session says of itself; it must be locked. */
export async function recordSessionChange(
  connection: Connection,
  sessionId: string,
  revision: number,
): Promise<void> {
  const row = { sessionId, kind: "session", sequence: 0, revision, throughSequence: 0 };
  await record(connection, row);
}

/**
 * Records that a revision cleared messages, in place of all that was recorded of what it
 * took; the session must be locked.
 */
export async function recordClear(
  connection: Connection,
  sessionId: string,
  { afterSequence, throughSequence }: ClearedRange,
  revision: number,
): Promise<void> {
  const sql = "DELETE FROM session_changes WHERE session_id = ? AND sequence > ?";
  await connection.query(sql, [sessionId, afterSequence]);
  await record(connection, {
    sessionId,
    kind: "clear",
    sequence: afterSequence,
    revision,
    throughSequence,
  });
}

async function record({ query }: Connection, row: SessionChangeRow): Promise<void> {
  const { revision, throughSequence, sessionId, kind, sequence } = row;
  const parameters = [revision, throughSequence, sessionId, kind, sequence];
  const { affected } = await query(UPDATE, parameters);
  if (affected === 0) await query(INSERT, parameters);
}
