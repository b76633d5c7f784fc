import type { ChangedMessages, ChangeRange } from "../domain/change-storage.js";
import type { Page } from "../domain/storage.js";
import { takePage } from "./bounded-page.js";
import type { Connection } from "./database.js";

/** How many bytes of messages a page of changes holds, unless one alone has more. */
const PAGE_MAX_BYTES = 1024 * 1024;

/** What a revision changed, without what came of it. */
export type ListedChange = {
  readonly revision: number;
} & (
  | { readonly kind: "message"; readonly sequence: number; readonly bytes: number }
  | { readonly kind: "clear"; readonly sequence: number; readonly throughSequence: number }
  | { readonly kind: "session" | "state_put" | "state_deleted" }
);

/** Lists the changes of a range by revision, as many as fit a page. */
export async function listChanges(
  connection: Connection,
  sessionId: string,
  range: ChangeRange,
  maxItems: number,
): Promise<Page<ListedChange>> {
  const limit = maxItems + 1;
  const changes = [
    ...(await listRecorded(connection, sessionId, range, limit)),
    ...(await listStateChanges(connection, sessionId, range, limit)),
  ];
  // Each list goes as far as a page can, so that nothing of the page is missing.
  changes.sort((a, b) => a.revision - b.revision);
  return takePage(changes, { maxItems, maxBytes: PAGE_MAX_BYTES }, weigh);
}

/**
 * Lists which messages newer revisions than one changed; undefined if they made more than
 * `maxChanges` changes.
 */
export async function listChangedMessages(
  { query }: Connection,
  sessionId: string,
  afterRevision: number,
  maxChanges: number,
): Promise<ChangedMessages | undefined> {
  const sql =
    "SELECT kind, sequence FROM session_changes WHERE session_id = ? AND revision > ? ORDER BY revision LIMIT ?";
  const { rows } = await query(sql, [sessionId, afterRevision, maxChanges + 1]);
  if (rows.length > maxChanges) return undefined;
  const sequencesOf = (kind: string) =>
    rows.filter((row) => row.kind === kind).map(({ sequence }) => Number(sequence));
  const clears = sequencesOf("clear");
  const clearedAfter = clears.length === 0 ? undefined : Math.min(...clears);
  return { sequences: sequencesOf("message"), clearedAfter };
}

function weigh(change: ListedChange): number {
  return change.kind === "message" ? change.bytes : 0;
}

async function listRecorded(
  connection: Connection,
  sessionId: string,
  { afterRevision, upToRevision, upToSequence }: ChangeRange,
  limit: number,
): Promise<readonly ListedChange[]> {
  const sql = `SELECT c.kind, c.sequence, c.revision, c.through_sequence, m.bytes FROM session_changes c
    LEFT JOIN messages m ON m.session_id = COALESCE(c.layer_id, c.session_id) AND m.sequence = c.sequence
    WHERE c.session_id = ? AND c.revision > ? AND c.revision <= ?
      AND (c.kind = 'session' OR (c.kind = 'message' AND c.sequence <= ?) OR (c.kind = 'clear' AND c.sequence < ?))
    ORDER BY c.revision LIMIT ?`;
  const parameters = [sessionId, afterRevision, upToRevision, upToSequence, upToSequence, limit];
  const { rows } = await connection.query(sql, parameters);
  return rows.map(toListed);
}

function toListed(row: Readonly<Record<string, unknown>>): ListedChange {
  const revision = Number(row.revision);
  const sequence = Number(row.sequence);
  if (row.kind === "clear") {
    return { revision, kind: "clear", sequence, throughSequence: Number(row.through_sequence) };
  }
  if (row.kind === "session") return { revision, kind: "session" };
  return { revision, kind: "message", sequence, bytes: Number(row.bytes) };
}

async function listStateChanges(
  connection: Connection,
  sessionId: string,
  { afterRevision, upToRevision }: ChangeRange,
  limit: number,
): Promise<readonly ListedChange[]> {
  const sql = `SELECT revision, COUNT(deleted_at) AS deleted FROM agent_state
    WHERE session_id = ? AND revision > ? AND revision <= ?
      AND (deleted_at IS NOT NULL OR state IS NOT NULL OR data IS NOT NULL)
    GROUP BY revision ORDER BY revision LIMIT ?`;
  const parameters = [sessionId, afterRevision, upToRevision, limit];
  const { rows } = await connection.query(sql, parameters);
  return rows.map((row) => ({
    revision: Number(row.revision),
    kind: Number(row.deleted) > 0 ? "state_deleted" : "state_put",
  }));
}
