import { expect } from "vitest";
import type { StorageSuite } from "./storage-suite.js";

/**
 * Looks past the storage whether the contents of messages that begin so are just those that
 * sessions show. Says nothing of a database that nobody else can look into.
 */
export async function expectStored(
  suite: StorageSuite,
  mark: string,
  shown: Iterable<string>,
): Promise<void> {
  if (!suite.isShared) return;
  const sql = "SELECT DISTINCT content FROM messages WHERE content LIKE ?";
  const rows = await suite.query(sql, [`${mark}%`]);
  expect(rows.map(({ content }) => content).sort()).toEqual([...new Set(shown)].sort());
}

/** Looks past the storage whether no session that is gone has left anything of where its messages lay. */
export async function expectNoStrayLayers(suite: StorageSuite): Promise<void> {
  if (!suite.isShared) return;
  const sql = `SELECT l.session_id AS id FROM session_layers l WHERE NOT EXISTS (
    SELECT 1 FROM sessions s WHERE s.id = l.session_id AND s.deleted_at IS NULL)`;
  expect(await suite.query(sql, [])).toEqual([]);
}
