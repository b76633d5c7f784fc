import type { Connection } from "./database.js";
import type { SessionLayerRow } from "./entities.js";
import type { LayerRows } from "./layer-rows.js";
import { paddedLists, padList, placeholdersOf } from "./padded-list.js";

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
    const widest = await this.#layers.findWidest(connection, layerId);
    const through = widest?.throughSequence ?? 0;
    await query("DELETE FROM messages WHERE session_id = ? AND sequence > ?", [layerId, through]);
    if (widest === undefined) return;
    // That session shows all that any does: what is hidden in all of them is hidden in it.
    const hidden = await this.#findHidden(connection, widest);
    await removeHidden(connection, layerId, hidden);
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

  /**
   * Finds which sequences of a layer the higher layers of its session have.
   *
   * Not by a join: as long as PostgreSQL has no statistics, it reads all messages for one.
   */
  async #findHidden(connection: Connection, layer: SessionLayerRow): Promise<readonly number[]> {
    const { afterSequence, throughSequence } = layer;
    const found = new Set<number>();
    for (const list of paddedLists(await this.#layers.findHigher(connection, layer))) {
      const sql = `SELECT DISTINCT sequence FROM messages
        WHERE session_id IN (${placeholdersOf(list)}) AND sequence > ? AND sequence <= ?`;
      const { rows } = await connection.query(sql, [...list, afterSequence, throughSequence]);
      for (const { sequence } of rows) found.add(Number(sequence));
    }
    return [...found];
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
