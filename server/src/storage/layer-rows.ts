import type { Connection, Database } from "./database.js";
import type { SessionLayerRow } from "./entities.js";
import type { SessionHead } from "./session-row.js";
import { Table } from "./table.js";

/** The height of a session's own layer; edits of what its forks share lie above, what it shares below. */
const OWN_HEIGHT = 0;

/** What reaches as far as its session ever will. */
const ALL = Number.MAX_SAFE_INTEGER;

/** The most rows that one statement inserts. */
const MAX_ROWS = 64;

/**
 * A layer of a session's messages: the rows of `messages` with this id, after one sequence
 * and up to another.
 */
export type Layer = Omit<SessionLayerRow, "sessionId">;

/**
 * Reads and writes the rows of `session_layers`: where the messages of a session lie that
 * has been forked and edited since, or is a fork. Of two layers that have a message, the
 * higher one counts.
 */
export class LayerRows {
  readonly #table: Table<SessionLayerRow>;

  constructor(database: Database) {
    this.#table = new Table(database.describe(database.entities.sessionLayer));
  }

  /** Gives the layers of a session, from the highest to the lowest. */
  async read(
    connection: Connection,
    { id, isLayered }: Pick<SessionHead, "id" | "isLayered">,
  ): Promise<readonly Layer[]> {
    if (!isLayered) return [ownLayer(id, 0)];
    const sql = `SELECT ${this.#table.columns} FROM session_layers WHERE session_id = ? ORDER BY height DESC`;
    return this.#table.toRows(await connection.query(sql, [id]));
  }

  /** Gives the layers of a session that have any of its messages up to a sequence. */
  async readUsed(
    connection: Connection,
    session: Pick<SessionHead, "id" | "isLayered">,
    throughSequence: number,
  ): Promise<readonly Layer[]> {
    const layers = await this.read(connection, session);
    if (!session.isLayered) return layers;
    const sql = `SELECT l.height AS height FROM session_layers l WHERE l.session_id = ? AND EXISTS (
      SELECT 1 FROM messages m WHERE m.session_id = l.layer_id AND m.sequence > l.after_sequence
        AND m.sequence <= l.through_sequence AND m.sequence <= ?)`;
    const { rows } = await connection.query(sql, [session.id, throughSequence]);
    const used = new Set(rows.map(({ height }) => Number(height)));
    return layers.filter(({ height }) => used.has(height));
  }

  /** Puts an empty layer above all others of a session. */
  async addAbove(
    connection: Connection,
    head: Pick<SessionHead, "id" | "isLayered">,
    layerId: string,
  ): Promise<void> {
    const layers = await this.read(connection, head);
    const height = (layers[0]?.height ?? OWN_HEIGHT) + 1;
    const added = { height, layerId, afterSequence: 0, throughSequence: ALL };
    await this.#insert(connection, head.id, head.isLayered ? [added] : [...layers, added]);
  }

  /**
   * Notes what a layer of a session has, to which nothing is added any more: pages that touch
   * nothing of that do not read it.
   */
  async close({ query }: Connection, sessionId: string, layerId: string): Promise<void> {
    const sql =
      "SELECT MIN(sequence) AS first, MAX(sequence) AS last FROM messages WHERE session_id = ?";
    const { rows } = await query(sql, [layerId]);
    const [first, last] = [Number(rows[0]?.first ?? 1), Number(rows[0]?.last ?? 0)];
    const update =
      "UPDATE session_layers SET after_sequence = ?, through_sequence = ? WHERE session_id = ? AND layer_id = ?";
    await query(update, [first - 1, last, sessionId, layerId]);
  }

  /** Gives a fork its own layer above what it shares with its origin, up to a sequence. */
  async fork(
    connection: Connection,
    forkId: string,
    shared: readonly Layer[],
    throughSequence: number,
  ): Promise<void> {
    const below = shared.map((layer, index) => ({
      ...layer,
      height: OWN_HEIGHT - 1 - index,
      throughSequence: Math.min(layer.throughSequence, throughSequence),
    }));
    await this.#insert(connection, forkId, [ownLayer(forkId, throughSequence), ...below]);
  }

  /** Removes the layers of a session: their messages stay. */
  async remove(connection: Connection, sessionId: string): Promise<void> {
    await connection.query("DELETE FROM session_layers WHERE session_id = ?", [sessionId]);
  }

  /** Finds where a layer is shown the furthest; undefined if no session shows it. */
  async findWidest(connection: Connection, layerId: string): Promise<SessionLayerRow | undefined> {
    const sql = `SELECT ${this.#table.columns} FROM session_layers
      WHERE layer_id = ? ORDER BY through_sequence DESC LIMIT 1`;
    return this.#table.toRows(await connection.query(sql, [layerId]))[0];
  }

  /** Finds the ids of the higher layers of a layer's session that may have messages of the layer. */
  async findHigher({ query }: Connection, layer: SessionLayerRow): Promise<readonly string[]> {
    const { sessionId, height, afterSequence, throughSequence } = layer;
    const sql = `SELECT layer_id FROM session_layers WHERE session_id = ? AND height > ?
      AND after_sequence < ? AND through_sequence > ?`;
    const { rows } = await query(sql, [sessionId, height, throughSequence, afterSequence]);
    return rows.map(({ layer_id }) => String(layer_id));
  }

  async #insert(
    connection: Connection,
    sessionId: string,
    layers: readonly Layer[],
  ): Promise<void> {
    const rows = layers.map((layer) => ({ ...layer, sessionId }));
    for (let at = 0; at < rows.length; at += MAX_ROWS) {
      await connection.query(...this.#table.toInsert(rows.slice(at, at + MAX_ROWS)));
    }
  }
}

function ownLayer(sessionId: string, afterSequence: number): Layer {
  return { height: OWN_HEIGHT, layerId: sessionId, afterSequence, throughSequence: ALL };
}
