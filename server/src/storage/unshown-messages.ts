import type { Connection } from "./database.js";
import type { LayerRows } from "./layer-rows.js";
import { paddedLists, placeholdersOf } from "./padded-list.js";

/** The messages of a layer, of a range, that a session which shows the layer has in a higher one. */
const HIDDEN = `FROM session_layers l
  JOIN session_layers h ON h.session_id = l.session_id AND h.height > l.height
  JOIN messages m ON m.session_id = h.layer_id AND m.sequence > h.after_sequence
    AND m.sequence <= l.through_sequence AND m.sequence <= h.through_sequence
  WHERE l.layer_id = ? AND m.sequence > ? AND m.sequence <= ?`;

/** Whether some session shows the message `m.sequence` of a layer. */
const IS_SHOWN = `EXISTS (SELECT 1 FROM session_layers s
  WHERE s.layer_id = ? AND s.through_sequence >= m.sequence AND NOT EXISTS (
    SELECT 1 FROM session_layers o
    JOIN messages c ON c.session_id = o.layer_id AND c.sequence = m.sequence
    WHERE o.session_id = s.session_id AND o.height > s.height
      AND o.after_sequence < m.sequence AND o.through_sequence >= m.sequence))`;

/** Some of the messages of a layer. */
export interface LayerRange {
  readonly layerId: string;
  readonly afterSequence: number;
  readonly upToSequence: number;
}

/**
 * Deletes messages that no session shows any more, so that nobody's words outlive their
 * deletion. The tree of the sessions must be locked, see {@link SessionTrees}.
 */
export class UnshownMessages {
  readonly #layers: LayerRows;

  constructor(layers: LayerRows) {
    this.#layers = layers;
  }

  /** Deletes those of a layer that are behind all that sessions show, or hidden in all of them. */
  async removeAll(connection: Connection, layerId: string): Promise<void> {
    if (await isWhole(connection, layerId)) return;
    const upToSequence = await this.#layers.shownThrough(connection, layerId);
    const sql = "DELETE FROM messages WHERE session_id = ? AND sequence > ?";
    await connection.query(sql, [layerId, upToSequence]);
    await removeHidden(connection, { layerId, afterSequence: 0, upToSequence });
  }

  /** Deletes those of a range that all sessions hide which show the layer. */
  async removeHidden(connection: Connection, range: LayerRange): Promise<void> {
    if (await isWhole(connection, range.layerId)) return;
    await removeHidden(connection, range);
  }
}

/** Whether a layer is that of a session which shows all of it. */
async function isWhole({ query }: Connection, layerId: string): Promise<boolean> {
  const sql = "SELECT id FROM sessions WHERE id = ? AND deleted_at IS NULL AND NOT is_layered";
  const { rows } = await query(sql, [layerId]);
  return rows.length > 0;
}

async function removeHidden(
  { query }: Connection,
  { layerId, afterSequence, upToSequence }: LayerRange,
): Promise<void> {
  const sql = `SELECT DISTINCT m.sequence AS sequence ${HIDDEN} AND NOT ${IS_SHOWN}`;
  const { rows } = await query(sql, [layerId, afterSequence, upToSequence, layerId]);
  for (const sequences of paddedLists(rows.map(({ sequence }) => Number(sequence)))) {
    const remove = `DELETE FROM messages WHERE session_id = ? AND sequence IN (${placeholdersOf(sequences)})`;
    await query(remove, [layerId, ...sequences]);
  }
}
