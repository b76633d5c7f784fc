import { LessThanOrEqual } from "typeorm";
import type { AgentState } from "../domain/model.js";
import type { NewAgentState } from "../domain/storage.js";
import { requireVersion } from "../domain/versions.js";
import type { Connection } from "./database.js";
import type { AgentStateRow } from "./entities.js";

/** Where a new state goes. */
export interface StatePlace {
  readonly sessionId: string;
  readonly revision: number;
  readonly time: Date;
  /** How many versions of its key are kept. */
  readonly keepVersions: number;
}

/** Gives the newest row under a key, which is the tombstone of a state that was deleted. */
export function findNewest(
  { manager, entities }: Connection,
  sessionId: string,
  stateKey: string,
): Promise<AgentStateRow | null> {
  const where = { sessionId, stateKey };
  return manager.findOne(entities.agentState, { where, order: { version: "DESC" } });
}

/** The current version of a key, given its newest row; 0 if there is no current state. */
export function currentVersion(newest: AgentStateRow | null): number {
  return newest === null || newest.deletedAt !== null ? 0 : newest.version;
}

/**
 * Inserts the next version of a state, and drops the versions that are kept no longer.
 *
 * @throws StateError `aborted` VERSION_CONFLICT if the key is not at the expected version.
 */
export async function putState(
  connection: Connection,
  state: NewAgentState,
  { sessionId, revision, time, keepVersions }: StatePlace,
): Promise<AgentState> {
  const { manager, entities } = connection;
  const newest = await findNewest(connection, sessionId, state.key);
  const name = `the state ${JSON.stringify(state.key)} of session ${sessionId}`;
  requireVersion(name, currentVersion(newest), state.expectedVersion);
  const version = (newest?.version ?? 0) + 1;
  const row: AgentStateRow = {
    sessionId,
    stateKey: state.key,
    version,
    id: state.id,
    state: state.payload.json ?? null,
    data: state.payload.data === undefined ? null : Buffer.from(state.payload.data),
    mediaType: state.payload.mediaType,
    bytes: state.bytes,
    revision,
    requestHash: Buffer.from(state.requestHash),
    createdAt: time,
    deletedAt: null,
  };
  await manager.insert(entities.agentState, row);
  await manager.delete(entities.agentState, {
    sessionId,
    stateKey: state.key,
    version: LessThanOrEqual(version - keepVersions),
  });
  return fromStateRow(row);
}

/** Gives the state that a row holds. */
export function fromStateRow(row: AgentStateRow): AgentState {
  return {
    id: row.id,
    sessionId: row.sessionId,
    key: row.stateKey,
    version: row.version,
    payload:
      row.data === null
        ? { json: row.state ?? "", mediaType: "" }
        : { data: row.data, mediaType: row.mediaType },
    createdAt: row.createdAt,
    revision: row.revision,
    bytes: row.bytes,
  };
}
