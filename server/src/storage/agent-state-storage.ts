import { StateError } from "../domain/errors.js";
import type { AgentState } from "../domain/model.js";
import type {
  AgentStateStorage,
  MessageStorage,
  NewAgentState,
  Page,
  PageBounds,
  SessionRef,
  StatePosition,
} from "../domain/storage.js";
import { requireVersion } from "../domain/versions.js";
import { listStates } from "./agent-state-list.js";
import { currentVersion, findNewest, fromStateRow, holdsState } from "./agent-state-rows.js";
import type { Database } from "./database.js";
import { advanceTo, nextOf, SessionRows } from "./session-row.js";
import { IsNull } from "./typeorm.js";

/** What is left of a state that was deleted, beside its place and its id. */
const ERASED = {
  state: null,
  data: null,
  mediaType: "",
  bytes: 0,
  requestHash: Buffer.alloc(32),
};

/** Keeps agent state in a database. */
export class TypeOrmAgentStateStorage implements AgentStateStorage {
  readonly #database: Database;
  readonly #sessions: SessionRows;
  readonly #messages: MessageStorage;

  constructor(database: Database, messages: MessageStorage) {
    this.#database = database;
    this.#sessions = new SessionRows(database);
    this.#messages = messages;
  }

  async put(ref: SessionRef, state: NewAgentState): Promise<AgentState> {
    const append = {
      messages: [],
      agentStates: [state],
      apiCalls: [],
      expectedHeadSequence: undefined,
    };
    const { agentStates } = await this.#messages.append(ref, append);
    const [stored] = agentStates;
    if (stored === undefined) throw new Error("an append gave back no state for the one it put");
    return stored;
  }

  get(ref: SessionRef, key: string, version: number | undefined): Promise<AgentState> {
    return this.#database.read(async (connection) => {
      await this.#sessions.read(connection, ref);
      const { manager, entities } = connection;
      const which = version === undefined ? {} : { version };
      const row = await manager.findOne(entities.agentState, {
        where: { sessionId: ref.sessionId, stateKey: key, ...which },
        order: { version: "DESC" },
      });
      if (row === null || !holdsState(row)) throw stateNotFound(ref, key, version);
      return fromStateRow(row);
    });
  }

  list(
    ref: SessionRef,
    key: string | undefined,
    after: StatePosition | undefined,
    bounds: PageBounds,
  ): Promise<Page<AgentState>> {
    return this.#database.snapshot(async (connection) => {
      await this.#sessions.read(connection, ref);
      return listStates(connection, { sessionId: ref.sessionId, key, after }, bounds);
    });
  }

  delete(ref: SessionRef, key: string, expectedVersion: number | undefined): Promise<void> {
    return this.#database.lockingTransaction(ref.sessionId, async (connection) => {
      const head = await this.#sessions.lock(connection, ref);
      const version = currentVersion(await findNewest(connection, head.id, key));
      if (version === 0) throw stateNotFound(ref, key, undefined);
      const name = `the state ${JSON.stringify(key)} of session ${head.id}`;
      requireVersion(name, version, expectedVersion);
      const next = nextOf(head);
      // What is left keeps the version from being used again, and the ids from being put again;
      // the hashes go too, since a short state could be guessed from its own.
      await connection.manager.update(
        connection.entities.agentState,
        { sessionId: head.id, stateKey: key, deletedAt: IsNull() },
        { ...ERASED, revision: next.revision, deletedAt: next.updatedAt },
      );
      await this.#sessions.advance(connection, head.id, advanceTo(head, next));
    });
  }
}

function stateNotFound(
  { sessionId }: SessionRef,
  key: string,
  version: number | undefined,
): StateError {
  const which = version === undefined ? "" : ` in version ${version}`;
  const message = `session ${sessionId} has no state ${JSON.stringify(key)}${which}`;
  return new StateError("not_found", "STATE_NOT_FOUND", message);
}
