import type { Connection } from "./database.js";
import type { SessionChangeRow } from "./entities.js";

const UPDATE =
  "UPDATE session_changes SET revision = ?, through_sequence = ?, layer_id = ? WHERE session_id = ? AND kind = ? AND sequence = ?";

const INSERT =
  "INSERT INTO session_changes (revision, through_sequence, layer_id, session_id, kind, sequence) VALUES (?, ?, ?, ?, ?, ?)";

/** What most changes leave as it is. */
const NOTHING = { throughSequence: 0, layerId: null };

/** A message: the layer that its row lies in, and its sequence. */
export interface MessagePlace {
  readonly sessionId: string;
  readonly sequence: number;
}

/** Which messages a clear took. */
export interface ClearedRange {
  readonly afterSequence: number;
  readonly throughSequence: number;
}

/** Records that a revision changed a message of a session, which must be locked. */
export async function recordMessageChange(
  connection: Connection,
  sessionId: string,
  place: MessagePlace,
  revision: number,
): Promise<void> {
  const { sequence } = place;
  const layerId = layerOf(place, sessionId);
  await record(connection, { ...NOTHING, sessionId, kind: "message", sequence, revision, layerId });
}

/** Gives the layer in which a message of a session lies; null if it is the session's own. */
export function layerOf(place: MessagePlace, sessionId: string): string | null {
  return place.sessionId === sessionId ? null : place.sessionId;
}

/** Records that a revision changed what a session says of itself; it must be locked. */
export async function recordSessionChange(
  connection: Connection,
  sessionId: string,
  revision: number,
): Promise<void> {
  const row = { ...NOTHING, sessionId, kind: "session", sequence: 0, revision };
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
    ...NOTHING,
    sessionId,
    kind: "clear",
    sequence: afterSequence,
    revision,
    throughSequence,
  });
}

async function record({ query }: Connection, row: SessionChangeRow): Promise<void> {
  const { revision, throughSequence, layerId, sessionId, kind, sequence } = row;
  const parameters = [revision, throughSequence, layerId, sessionId, kind, sequence];
  const { affected } = await query(UPDATE, parameters);
  if (affected === 0) await query(INSERT, parameters);
}
