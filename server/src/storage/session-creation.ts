import { timingSafeEqual } from "node:crypto";
import { StateError } from "../domain/errors.js";
import { parseJson } from "../domain/json.js";
import type { JsonObject, Session } from "../domain/model.js";
import type { NewFork, NewSession, SessionRef, SessionToOpen } from "../domain/storage.js";
import type { Connection, Database } from "./database.js";
import type { SessionRow } from "./entities.js";
import { indexMetadata } from "./metadata-index.js";
import { SessionForking } from "./session-forking.js";
import {
  findById,
  findByKey,
  fromSessionRow,
  measureSession,
  requireSession,
  type SessionBeginning,
} from "./session-row.js";

/** How often a creation that met another one at the same moment is run again. */
const MAX_CREATE_ATTEMPTS = 5;

/** Creates sessions, each once, as SessionStorage promises. */
export class SessionCreation {
  readonly #database: Database;
  readonly #forking: SessionForking;

  constructor(database: Database) {
    this.#database = database;
    this.#forking = new SessionForking(database);
  }

  create(session: NewSession): Promise<Session> {
    return this.#attempt(() =>
      this.#database.transaction(async (connection) => {
        const created = await findCreated(connection, session);
        return created ?? insert(connection, session, NO_FORK);
      }),
    );
  }

  open(session: SessionToOpen): Promise<{ session: Session; created: boolean }> {
    return this.#attempt(() =>
      this.#database.transaction(async (connection) => {
        const opened = await findOpened(connection, session);
        if (opened !== undefined) return { session: opened, created: false };
        return { session: await insert(connection, session, NO_FORK), created: true };
      }),
    );
  }

  fork(ref: SessionRef, fork: NewFork): Promise<Session> {
    return this.#attempt(() =>
      this.#database.lockingTransaction(ref.sessionId, async (connection) => {
        // First: what is repeated succeeds though the session may be gone by now.
        const created = await findCreated(connection, fork);
        if (created !== undefined) return created;
        const origin = requireSession(await this.#forking.lock(connection, ref), ref);
        const start = await this.#forking.cut(connection, origin, fork);
        const session = await insert(connection, inherit(fork, origin), start.beginning);
        await this.#forking.fill(connection, session, start);
        return session;
      }),
    );
  }

  /** Runs what may create a session, again if another one took its id or key first. */
  async #attempt<T>(run: () => Promise<T>): Promise<T> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await run();
      } catch (error) {
        const met = this.#database.isUniqueViolation(error) && attempt < MAX_CREATE_ATTEMPTS;
        if (!met) throw error;
      }
    }
  }
}

const NO_FORK: SessionBeginning = {
  headSequence: 0,
  messageCount: 0,
  revision: 1,
  largestMessageBytes: 0,
  forkSessionId: null,
  forkSequence: 0,
  frozenThrough: 0,
  isLayered: false,
  treeId: null,
};

/** Gives the session that the same request created before; undefined if it is new. */
async function findCreated(
  connection: Connection,
  session: NewSession,
): Promise<Session | undefined> {
  const { id, key, tenantId } = session;
  // By the key first: a twin of this request that commits in between is then found by its id.
  const byKey = key === undefined ? null : await findByKey(connection, tenantId, key);
  const byId = await findById(connection, id);
  if (byId !== null) {
    requireOwn(byId, session);
    if (timingSafeEqual(byId.requestHash, session.requestHash)) return fromSessionRow(byId);
    throw idTaken(id);
  }
  if (byKey === null) return undefined;
  const message = `another session has the key ${JSON.stringify(key)}: open it, or choose another key`;
  throw new StateError("already_exists", "KEY_TAKEN", message);
}

/** Gives the session that an id or a key names; undefined if there is none. */
async function findOpened(
  connection: Connection,
  session: SessionToOpen,
): Promise<Session | undefined> {
  const { id, key, tenantId } = session;
  const byId = session.idIsGiven ? await findById(connection, id) : null;
  const byKey = key === undefined ? null : await findByKey(connection, tenantId, key);
  if (byId !== null && byKey !== null && byId.id !== byKey.id && byId.tenantId === tenantId) {
    requireOwn(byId, session);
    const message = `the id ${id} and the key ${JSON.stringify(key)} name two sessions: open by one of them`;
    throw new StateError("already_exists", "SESSION_MISMATCH", message);
  }
  if (byKey !== null) return fromSessionRow(byKey);
  if (byId === null) return undefined;
  requireOwn(byId, session);
  return fromSessionRow(byId);
}

/** Gives a fork with what it leaves empty as its origin has it. */
function inherit(fork: NewFork, origin: SessionRow): NewSession {
  const hasMetadata = Object.keys(fork.metadata).length > 0;
  return {
    ...fork,
    userId: fork.userId ?? origin.userId ?? undefined,
    agentId: fork.agentId ?? origin.agentId ?? undefined,
    title: fork.title === "" ? origin.title : fork.title,
    metadata: hasMetadata ? fork.metadata : (parseJson(origin.metadata) as JsonObject),
  };
}

async function insert(
  connection: Connection,
  session: NewSession,
  beginning: SessionBeginning,
): Promise<Session> {
  const now = new Date();
  const row: SessionRow = {
    id: session.id,
    tenantId: session.tenantId,
    sessionKey: session.key ?? null,
    userId: session.userId ?? null,
    agentId: session.agentId ?? null,
    title: session.title,
    metadata: JSON.stringify(session.metadata),
    version: 1,
    changeRevision: beginning.revision,
    bytes: measureSession(session.title, session.metadata),
    requestHash: Buffer.from(session.requestHash),
    createdAt: now,
    updatedAt: now,
    deletedAt: null,
    editLayerId: null,
    ...beginning,
  };
  await connection.manager.insert(connection.entities.session, row);
  await indexMetadata(connection, session.id, { before: {}, after: session.metadata });
  return fromSessionRow(row);
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
