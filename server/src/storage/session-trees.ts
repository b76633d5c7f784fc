import type { Connection, Database } from "./database.js";
import type { SessionHead } from "./session-row.js";

/**
 * The sessions that share messages. Whoever takes a shared message out of a session's sight
 * locks their tree until the transaction ends: of two that do so at once, the second then
 * sees that it is the last, and erases what nobody shows any more.
 *
 * A tree is locked after the row of a session, and no session after it.
 */
export class SessionTrees {
  readonly #lock: string;

  constructor({ dialect }: Database) {
    this.#lock = `SELECT id FROM session_trees WHERE id = ? ${dialect.forUpdate}`;
  }

  /** Gives the tree of a session that is to be forked, which must be locked. */
  async join(
    { manager, entities }: Connection,
    { id, treeId }: Pick<SessionHead, "id" | "treeId">,
  ): Promise<string> {
    if (treeId !== null) return treeId;
    await manager.insert(entities.sessionTree, { id });
    await manager.update(entities.session, { id }, { treeId: id });
    return id;
  }

  /** Locks the tree of a session, if it is in one. */
  async lock({ query }: Connection, { treeId }: Pick<SessionHead, "treeId">): Promise<void> {
    if (treeId !== null) await query(this.#lock, [treeId]);
  }
}
