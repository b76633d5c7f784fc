import { StateError } from "../domain/errors.js";
import type { Session } from "../domain/model.js";
import type { NewFork, SessionRef } from "../domain/storage.js";
import type { Connection, Database } from "./database.js";
import type { AgentStateRow, SessionRow } from "./entities.js";
import { type Layer, LayerRows } from "./layer-rows.js";
import { SessionMessages } from "./session-messages.js";
import { findById, type SessionBeginning, SessionRows } from "./session-row.js";
import { SessionTrees } from "./session-trees.js";

/** What a fork begins with, and what it shares. */
export interface ForkStart {
  readonly beginning: SessionBeginning;
  readonly origin: SessionRow;
  readonly layers: readonly Layer[];
}

/** Cuts forks from sessions: what they share is frozen, and no row of a message is copied. */
export class SessionForking {
  readonly #sessions: SessionRows;
  readonly #layers: LayerRows;
  readonly #messages: SessionMessages;
  readonly #trees: SessionTrees;

  constructor(database: Database) {
    this.#sessions = new SessionRows(database);
    this.#layers = new LayerRows(database);
    this.#messages = new SessionMessages(database);
    this.#trees = new SessionTrees(database);
  }

  /**
   * Locks the session that is to be forked, and gives its row.
   *
   * @throws StateError `not_found` if it is not there, or is deleted.
   */
  async lock(connection: Connection, ref: SessionRef): Promise<SessionRow | null> {
    await this.#sessions.lock(connection, ref);
    return findById(connection, ref.sessionId);
  }

  /**
   * Freezes the messages of a session that a fork is to share, and gives what it begins with.
   *
   * @throws StateError `out_of_range` POSITION_AHEAD if there are not so many.
   * @throws StateError `failed_precondition` MESSAGE_IN_PROGRESS if one is being written.
   */
  async cut(connection: Connection, origin: SessionRow, fork: NewFork): Promise<ForkStart> {
    const sequence = fork.atSequence ?? origin.headSequence;
    requireReached(origin, sequence);
    await requireWritten(connection, origin, sequence);
    await this.#freeze(connection, origin, sequence);
    const layers = await this.#layers.readUsed(connection, origin, sequence);
    const beginning = {
      headSequence: sequence,
      messageCount: await this.#messages.countThrough(connection, origin, sequence),
      // Above those of the messages, which keep the revisions that they have.
      revision: origin.revision + 1,
      largestMessageBytes: origin.largestMessageBytes,
      forkSessionId: origin.id,
      forkSequence: sequence,
      frozenThrough: sequence,
      isLayered: true,
      treeId: await this.#trees.join(connection, origin),
    };
    return { beginning, origin, layers };
  }

  /** Gives a new fork its messages, and the agent states of its origin at that time. */
  async fill(connection: Connection, fork: Session, start: ForkStart): Promise<void> {
    const { origin, layers } = start;
    const { revision, forkSequence: headSequence } = fork;
    await this.#layers.fork(connection, fork.id, layers, headSequence);
    const { manager, entities } = connection;
    for (const { stateKey, version } of await statesAt(connection, origin.id, headSequence)) {
      const where = { sessionId: origin.id, stateKey, version };
      const state: AgentStateRow = await manager.findOneByOrFail(entities.agentState, where);
      const copy = { ...state, sessionId: fork.id, version: 1, revision, headSequence };
      await manager.insert(entities.agentState, copy);
    }
  }

  /** Keeps the messages up to a sequence from being changed where they lie. */
  async #freeze(connection: Connection, origin: SessionRow, sequence: number): Promise<void> {
    const { id, editLayerId } = origin;
    if (editLayerId !== null) await this.#layers.close(connection, id, editLayerId);
    const frozenThrough = Math.max(origin.frozenThrough, sequence);
    const { manager, entities } = connection;
    await manager.update(entities.session, { id }, { frozenThrough, editLayerId: null });
  }
}

function requireReached({ id, headSequence, revision }: SessionRow, sequence: number): void {
  if (sequence <= headSequence) return;
  const message = `session ${id} is at sequence ${headSequence}, behind where it is to be forked: fork it at a sequence that it has`;
  throw new StateError("out_of_range", "POSITION_AHEAD", message, {
    metadata: { headSequence: String(headSequence), revision: String(revision) },
  });
}

async function requireWritten(
  { query }: Connection,
  { id }: SessionRow,
  sequence: number,
): Promise<void> {
  const sql =
    "SELECT sequence FROM message_writes WHERE session_id = ? AND sequence <= ? ORDER BY sequence LIMIT 1";
  const { rows } = await query(sql, [id, sequence]);
  const [writing] = rows;
  if (writing === undefined) return;
  const message = `message ${writing.sequence} of session ${id} is being written: fork before it, or when it is finished`;
  throw new StateError("failed_precondition", "MESSAGE_IN_PROGRESS", message);
}

/** Finds the newest version of each key of a session that was put up to a sequence. */
async function statesAt(
  { query }: Connection,
  sessionId: string,
  sequence: number,
): Promise<readonly Pick<AgentStateRow, "stateKey" | "version">[]> {
  const sql = `SELECT state_key, MAX(version) AS version FROM agent_state
    WHERE session_id = ? AND head_sequence <= ? AND (state IS NOT NULL OR data IS NOT NULL)
    GROUP BY state_key`;
  const { rows } = await query(sql, [sessionId, sequence]);
  return rows.map((row) => ({ stateKey: String(row.state_key), version: Number(row.version) }));
}
