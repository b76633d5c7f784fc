import type { SessionRef } from "../domain/storage.js";
import type { Connection, Database } from "./database.js";
import { type SessionHead, SessionRows } from "./session-row.js";

/** What reads something of a session whose row is as given, and what was read with it. */
type SessionRead<T, Ahead> = (
  connection: Connection,
  head: SessionHead,
  ahead?: Promise<Ahead>,
) => Promise<T>;

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
   * `readAhead` is sent with the statement that reads the session's row, and takes effect after it.
   *
   * @throws StateError `not_found` if the session is not there, or is deleted.
   */
  async read<T, Ahead>(
    ref: SessionRef,
    work: SessionRead<T, Ahead>,
    isSure: (result: T) => boolean,
    readAhead?: (connection: Connection) => Promise<Ahead>,
  ): Promise<T> {
    const alone = await this.#database.read(async (connection) => {
      const reading = this.#sessions.read(connection, ref);
      const ahead = readAhead?.(connection);
      // Whatever becomes of it, the connection is not to be given back before it has ended.
      const aheadEnded = ahead?.catch(() => undefined);
      try {
        const head = await reading;
        if (head.treeId !== null) return undefined;
        const result = await work(connection, head, ahead);
        if (isSure(result)) return { result };
        const { treeId } = await this.#sessions.read(connection, ref);
        return treeId === null ? { result } : undefined;
      } finally {
        await aheadEnded;
      }
    });
    if (alone !== undefined) return alone.result;
    return this.#database.snapshot(async (connection) =>
      work(connection, await this.#sessions.read(connection, ref)),
    );
  }
}
