import type {
  Change,
  ChangedMessages,
  ChangeRange,
  ChangeStorage,
  SessionPosition,
  WrittenMessage,
  WrittenTail,
} from "../domain/change-storage.js";
import type { Extent } from "../domain/model.js";
import type { Page, SessionRef } from "../domain/storage.js";
import { listChangedMessages } from "./change-list.js";
import { ChangePages } from "./change-pages.js";
import type { Connection, Database } from "./database.js";
import { padList, placeholdersOf } from "./padded-list.js";
import { positionOf, SessionRows } from "./session-row.js";

/** For how many sessions one statement asks at most. */
const MAX_IDS = 512;

/** Reads how sessions change from a database. */
export class TypeOrmChangeStorage implements ChangeStorage {
  readonly #database: Database;
  readonly #sessions: SessionRows;
  readonly #pages: ChangePages;

  constructor(database: Database) {
    this.#database = database;
    this.#sessions = new SessionRows(database);
    this.#pages = new ChangePages(database);
  }

  position(ref: SessionRef): Promise<SessionPosition> {
    return this.#database.read(async (connection) => {
      return positionOf(await this.#sessions.read(connection, ref));
    });
  }

  changedMessages(
    ref: SessionRef,
    afterRevision: number,
    maxChanges: number,
  ): Promise<ChangedMessages | undefined> {
    return this.#database.read((connection) =>
      listChangedMessages(connection, ref.sessionId, afterRevision, maxChanges),
    );
  }

  read(ref: SessionRef, range: ChangeRange, maxItems: number): Promise<Page<Change>> {
    return this.#database.read(async (connection) => {
      const page = await this.#pages.read(connection, ref.sessionId, range, maxItems);
      // After the rest: a session that was deleted in between must not look like one without changes.
      await this.#sessions.read(connection, ref);
      return page;
    });
  }

  messagesBeingWritten(ref: SessionRef): Promise<readonly WrittenMessage[]> {
    return this.#database.read(async (connection) => {
      const messages = await this.#pages.readBeingWritten(connection, ref.sessionId);
      await this.#sessions.read(connection, ref);
      return messages;
    });
  }

  tail(ref: SessionRef, sequence: number, past: Extent): Promise<WrittenTail | undefined> {
    return this.#database.read(async (connection) => {
      const place = { sessionId: ref.sessionId, sequence };
      const tail = await this.#pages.readTail(connection, place, past);
      await this.#sessions.read(connection, ref);
      return tail;
    });
  }

  revisions(sessionIds: readonly string[]): Promise<ReadonlyMap<string, number>> {
    return this.#database.read(async (connection) => {
      const revisions = new Map<string, number>();
      for (let at = 0; at < sessionIds.length; at += MAX_IDS) {
        await readRevisions(connection, sessionIds.slice(at, at + MAX_IDS), revisions);
      }
      return revisions;
    });
  }
}

/** Reads the revisions of sessions by one of few statements, which are prepared. */
async function readRevisions(
  connection: Connection,
  ids: readonly string[],
  revisions: Map<string, number>,
): Promise<void> {
  const padded = padList(ids);
  const sql = `SELECT id, revision FROM sessions WHERE id IN (${placeholdersOf(padded)})`;
  const { rows } = await connection.query(sql, padded);
  for (const { id, revision } of rows) revisions.set(String(id), Number(revision));
}
