import type { Connection } from "./database.js";
import type { LayerRows } from "./layer-rows.js";
import { paddedLists, padList, placeholdersOf } from "./padded-list.js";

/** The messages of a layer that some session which shows the layer has in a higher one. */
const HIDDEN = `SELECT DISTINCT m.sequence AS sequence FROM session_layers l
  JOIN session_layers h ON h.session_id = l.session_id AND h.height > l.height
  JOIN messages m ON m.session_id = h.layer_id AND m.sequence > h.after_sequence
    AND m.sequence <= l.through_sequence AND m.sequence <= h.through_sequence
  WHERE l.layer_id = ?`;

/**
 * Whether some session shows the message `m.sequence` of a layer. The first one that does
 * ends the search; without the limits, PostgreSQL would join all of them.
 */
const IS_SHOWN = `EXISTS (SELECT 1 FROM session_layers s
  WHERE s.layer_id = ? AND s.through_sequence >= m.sequence AND NOT EXISTS (
    SELECT 1 FROM session_layers o
    JOIN messages c ON c.session_id = o.layer_id AND c.sequence = m.sequence
    WHERE o.session_id = s.session_id AND o.height > s.height
      AND o.after_sequence < m.sequence AND o.through_sequence >= m.sequence
    LIMIT 1 OFFSET 0) LIMIT 1 OFFSET 0)`;

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
    const { query } = connection;
    const through = await this.#layers.shownThrough(connection, layerId);
    await query("DELETE FROM messages WHERE session_id = ? AND sequence > ?", [layerId, through]);
    const { rows } = await query(HIDDEN, [layerId]);
    const sequences = rows.map(({ sequence }) => Number(sequence));
    await removeHidden(connection, layerId, sequences);
  }

  /** Deletes those of some messages of a layer that are hidden in all sessions which show it. */
  async remove(
    connection: Connection,
    layerId: string,
    sequences: readonly number[],
  ): Promise<void> {
    if (await isWhole(connection, layerId)) return;
    await removeHidden(connection, layerId, sequences);
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
  layerId: string,
  sequences: readonly number[],
): Promise<void> {
  for (const list of paddedLists(sequences)) {
    const places = placeholdersOf(list);
    // Not in one statement: MySQL reads nothing of a table that it deletes from.
    const find = `SELECT m.sequence AS sequence FROM messages m
      WHERE m.session_id = ? AND m.sequence IN (${places}) AND NOT ${IS_SHOWN}`;
    const { rows } = await query(find, [layerId, ...list, layerId]);
    const unshown = padList(rows.map(({ sequence }) => Number(sequence)));
    if (unshown.length === 0) continue;
    const sql = `DELETE FROM messages WHERE session_id = ? AND sequence IN (${placeholdersOf(unshown)})`;
    await query(sql, [layerId, ...unshown]);
  }
}
