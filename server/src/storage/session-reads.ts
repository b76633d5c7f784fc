import type { SessionRef } from "../domain/storage.js";
import type { Connection, Database } from "./database.js";
import { type SessionHead, SessionRows } from "./session-row.js";

/** What reads something of a session whose row is as given. */
type SessionRead<T> = (connection: Connection, head: SessionHead) => Promise<T>;

/**
 * Reads messages of sessions. Those that a session shares with others move when they are
 * edited: so they are read in one snapshot, and all others without one.
 */
export class SessionReads {
  readonly #database: Database;
  readonly #sessions: SessionRows;

  constructor(database: Database) {
    this.#database = database;
    this.#sessions = new SessionRows(database);
  }

  /**
   * Reads something of a session. `isSure` tells whether what was read is certain though the
   * session may have been deleted, or have begun to share messages, in the meantime.
   *
   * @throws StateError `not_found` if the session is not there, or is deleted.
   */
  async read<T>(ref: SessionRef, work: SessionRead<T>, isSure: (result: T) => boolean): Promise<T> {
    const alone = await this.#database.read(async (connection) => {
      const head = await this.#sessions.read(connection, ref);
      if (head.treeId !== null) return undefined;
      const result = await work(connection, head);
      if (isSure(result)) return { result };
      const { treeId } = await this.#sessions.read(connection, ref);
      return treeId === null ? { result } : undefined;
    });
    if (alone !== undefined) return alone.result;
    return this.#database.snapshot(async (connection) =>
      work(connection, await this.#sessions.read(connection, ref)),
    );
  }
}
