import { StateError } from "../domain/errors.js";
import { canonicalJson, parseJson } from "../domain/json.js";
import type { JsonObject, Session } from "../domain/model.js";
import type {
  NewFork,
  NewSession,
  Page,
  PageBounds,
  SessionChange,
  SessionFilter,
  SessionRef,
  SessionStorage,
  SessionToOpen,
} from "../domain/storage.js";
import { requireVersion } from "../domain/versions.js";
import { recordSessionChange } from "./change-rows.js";
import type { Database } from "./database.js";
import { indexMetadata } from "./metadata-index.js";
import { SessionCreation } from "./session-creation.js";
import { SessionDeletion } from "./session-deletion.js";
import { SessionList } from "./session-list.js";
import {
  changeTime,
  findById,
  findByKey,
  fromSessionRow,
  measureSession,
  requireSession,
  SessionRows,
} from "./session-row.js";

/** Keeps sessions in a database. */
export class TypeOrmSessionStorage implements SessionStorage {
  readonly #database: Database;
  readonly #rows: SessionRows;
  readonly #creation: SessionCreation;
  readonly #deletion: SessionDeletion;
  readonly #list: SessionList;

  constructor(database: Database) {
    this.#database = database;
    this.#rows = new SessionRows(database);
    this.#creation = new SessionCreation(database);
    this.#deletion = new SessionDeletion(database);
    this.#list = new SessionList(database);
  }

  create(session: NewSession): Promise<Session> {
    return this.#creation.create(session);
  }

  open(session: SessionToOpen): Promise<{ session: Session; created: boolean }> {
    return this.#creation.open(session);
  }

  fork(ref: SessionRef, fork: NewFork): Promise<Session> {
    return this.#creation.fork(ref, fork);
  }

  get(ref: SessionRef): Promise<Session> {
    return this.#database.read(async (connection) =>
      fromSessionRow(requireSession(await findById(connection, ref.sessionId), ref)),
    );
  }

  getByKey(tenantId: string, key: string): Promise<Session> {
    return this.#database.read(async (connection) => {
      const row = await findByKey(connection, tenantId, key);
      if (row !== null) return fromSessionRow(row);
      const message = `there is no session with the key ${JSON.stringify(key)}`;
      throw new StateError("not_found", "SESSION_NOT_FOUND", message);
    });
  }

  list(
    tenantId: string,
    filter: SessionFilter,
    after: { readonly updatedAt: Date; readonly id: string } | undefined,
    bounds: PageBounds,
  ): Promise<Page<Session>> {
    return this.#database.snapshot((connection) =>
      this.#list.read(connection, { tenantId, ...filter, after }, bounds),
    );
  }

  update(ref: SessionRef, change: SessionChange): Promise<Session> {
    return this.#database.lockingTransaction(ref.sessionId, async (connection) => {
      await this.#rows.lock(connection, ref);
      const row = requireSession(await findById(connection, ref.sessionId), ref);
      const present = parseJson(row.metadata) as JsonObject;
      const title = change.title ?? row.title;
      const metadata = change.metadata?.(present) ?? present;
      const metadataDiffers = canonicalJson(metadata) !== canonicalJson(present);
      if (title === row.title && !metadataDiffers) return fromSessionRow(row);
      requireVersion(`session ${ref.sessionId}`, row.version, change.expectedVersion);
      const changed = {
        title,
        metadata: JSON.stringify(metadata),
        bytes: measureSession(title, metadata),
        version: row.version + 1,
        revision: row.revision + 1,
        changeRevision: row.revision + 1,
        updatedAt: changeTime(row),
      };
      await connection.manager.update(connection.entities.session, { id: row.id }, changed);
      await recordSessionChange(connection, row.id, changed.revision);
      if (metadataDiffers)
        await indexMetadata(connection, row.id, { before: present, after: metadata });
      return fromSessionRow({ ...row, ...changed });
    });
  }

  delete(ref: SessionRef): Promise<void> {
    return this.#deletion.delete(ref);
  }
}
