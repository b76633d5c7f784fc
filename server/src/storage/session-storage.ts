import { timingSafeEqual } from "node:crypto";
import { StateError } from "../domain/errors.js";
import { canonicalJson, parseJson } from "../domain/json.js";
import { measureMetadata } from "../domain/metadata-size.js";
import type { JsonObject, Session } from "../domain/model.js";
import type {
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
import type { Connection, Database } from "./database.js";
import type { SessionRow } from "./entities.js";
import { indexMetadata } from "./metadata-index.js";
import { listSessions } from "./session-list.js";
import { changeTime, fromSessionRow, requireSession, SessionRows } from "./session-row.js";

/** How often a creation that met another one at the same moment is run again. */
const MAX_CREATE_ATTEMPTS = 5;

/** Keeps sessions in a database. */
export class TypeOrmSessionStorage implements SessionStorage {
  readonly #database: Database;
  readonly #rows: SessionRows;

  constructor(database: Database) {
    this.#database = database;
    this.#rows = new SessionRows(database);
  }

  create(session: NewSession): Promise<Session> {
    return this.#creating(async (connection) => {
      const { id, key, tenantId } = session;
      // By the key first: a twin of this request that commits in between is then found by its id.
      const byKey = key === undefined ? null : await findByKey(connection, tenantId, key);
      const byId = await findById(connection, id);
      if (byId !== null) {
        requireOwn(byId, session);
        if (timingSafeEqual(byId.requestHash, session.requestHash)) return fromSessionRow(byId);
        throw idTaken(id);
      }
      if (byKey !== null) {
        const message = `another session has the key ${JSON.stringify(key)}: open it, or choose another key`;
        throw new StateError("already_exists", "KEY_TAKEN", message);
      }
      return insert(connection, session);
    });
  }

  open(session: SessionToOpen): Promise<{ session: Session; created: boolean }> {
    return this.#creating(async (connection) => {
      const { id, key, tenantId } = session;
      const byId = session.idIsGiven ? await findById(connection, id) : null;
      const byKey = key === undefined ? null : await findByKey(connection, tenantId, key);
      if (byId !== null && byKey !== null && byId.id !== byKey.id && byId.tenantId === tenantId) {
        requireOwn(byId, session);
        const message = `the id ${id} and the key ${JSON.stringify(key)} name two sessions: open by one of them`;
        throw new StateError("already_exists", "SESSION_MISMATCH", message);
      }
      if (byKey !== null) return { session: fromSessionRow(byKey), created: false };
      if (byId === null) return { session: await insert(connection, session), created: true };
      requireOwn(byId, session);
      return { session: fromSessionRow(byId), created: false };
    });
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
      listSessions(connection, { tenantId, ...filter, after }, bounds),
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
        bytes: measure(title, metadata),
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
    return this.#database.lockingTransaction(ref.sessionId, async (connection) => {
      const head = await this.#rows.lock(connection, ref);
      const { manager, entities } = connection;
      const now = changeTime(head);
      // What is left says that the id is taken, and nothing of what it was.
      await manager.update(
        entities.session,
        { id: head.id },
        {
          sessionKey: null,
          userId: null,
          agentId: null,
          title: "",
          metadata: "{}",
          bytes: 0,
          messageCount: 0,
          requestHash: Buffer.alloc(32),
          revision: head.revision + 1,
          changeRevision: head.revision + 1,
          updatedAt: now,
          deletedAt: now,
        },
      );
      await manager.delete(entities.sessionMetadata, { sessionId: head.id });
      await manager.delete(entities.message, { sessionId: head.id });
      await manager.delete(entities.agentState, { sessionId: head.id });
      await manager.delete(entities.sessionChange, { sessionId: head.id });
      await manager.delete(entities.messageWrite, { sessionId: head.id });
    });
  }

  /** Runs a transaction that may create a session, again if another one took its id or key first. */
  async #creating<T>(work: (connection: Connection) => Promise<T>): Promise<T> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.#database.transaction(work);
      } catch (error) {
        const met = this.#database.isUniqueViolation(error) && attempt < MAX_CREATE_ATTEMPTS;
        if (!met) throw error;
      }
    }
  }
}

function findById({ manager, entities }: Connection, id: string): Promise<SessionRow | null> {
  return manager.findOneBy(entities.session, { id });
}

function findByKey(
  { manager, entities }: Connection,
  tenantId: string,
  sessionKey: string,
): Promise<SessionRow | null> {
  return manager.findOneBy(entities.session, { tenantId, sessionKey });
}

async function insert(connection: Connection, session: NewSession): Promise<Session> {
  const now = new Date();
  const row: SessionRow = {
    id: session.id,
    tenantId: session.tenantId,
    sessionKey: session.key ?? null,
    userId: session.userId ?? null,
    agentId: session.agentId ?? null,
    title: session.title,
    metadata: JSON.stringify(session.metadata),
    headSequence: 0,
    messageCount: 0,
    revision: 1,
    version: 1,
    changeRevision: 1,
    largestMessageBytes: 0,
    bytes: measure(session.title, session.metadata),
    requestHash: Buffer.from(session.requestHash),
    createdAt: now,
    updatedAt: now,
    deletedAt: null,
  };
  await connection.manager.insert(connection.entities.session, row);
  await indexMetadata(connection, session.id, { before: {}, after: session.metadata });
  return fromSessionRow(row);
}

/** Measures what a session takes on the wire beside what every one takes, in bytes. */
function measure(title: string, metadata: JsonObject): number {
  return Buffer.byteLength(title) + measureMetadata(metadata);
}

/** Requires that a session with a given id is the tenant's own and not deleted. */
function requireOwn(row: SessionRow, { id, tenantId }: NewSession): void {
  if (row.tenantId !== tenantId) throw idTaken(id);
  if (row.deletedAt === null) return;
  const message = `session ${id} was deleted, and ids are never used again: choose another`;
  throw new StateError("failed_precondition", "SESSION_DELETED", message);
}

function idTaken(id: string): StateError {
  const message = `the session id ${id} is taken: choose another`;
  return new StateError("already_exists", "ID_REUSED", message);
}
