import type { AgentState } from "../domain/model.js";
import type { NewAgentState } from "../domain/storage.js";
import { requireVersion } from "../domain/versions.js";
import type { Connection } from "./database.js";
import type { AgentStateRow } from "./entities.js";
import { Between, LessThanOrEqual, MoreThan } from "./typeorm.js";

/** Where a new state goes. */
export interface StatePlace {
  readonly sessionId: string;
  readonly revision: number;
  /** The session's head with what is appended together with it. */
  readonly headSequence: number;
  readonly time: Date;
  /** How many versions of its key are kept. */
  readonly keepVersions: number;
}

/**
 * For how many of a key's newest versions the ids are known at least, so that a put that
 * is repeated late is not taken for a new one. What they held goes before that.
 */
const REMEMBERED_VERSIONS = 1_000;

/** How many versions lose what they held at once, where fewer are kept than before. */
const MAX_DROPPED_VERSIONS = 100;

/** The newest version under a key: of a state that is there, or of one that was deleted. */
export type NewestVersion = Pick<AgentStateRow, "version" | "deletedAt">;

/** Gives the newest version under a key, without what it holds. */
export function findNewest(
  { manager, entities }: Connection,
  sessionId: string,
  stateKey: string,
): Promise<NewestVersion | null> {
  return manager.findOne(entities.agentState, {
    select: { sessionId: true, stateKey: true, version: true, deletedAt: true },
    where: { sessionId, stateKey },
    order: { version: "DESC" },
  });
}

/** The current version of a key, given its newest one; 0 if there is no current state. */
export function currentVersion(newest: NewestVersion | null): number {
  return newest === null || newest.deletedAt !== null ? 0 : newest.version;
}

/** Whether a row still holds its state, which is neither deleted nor dropped. */
export function holdsState(row: AgentStateRow): boolean {
  return row.state !== null || row.data !== null;
}

/**
 * Inserts the next version of a state, and drops the versions that are kept no longer.
 *
 * @throws StateError `aborted` VERSION_CONFLICT if the key is not at the expected version.
 */
export async function putState(
  connection: Connection,
  state: NewAgentState,
  { sessionId, revision, headSequence, time, keepVersions }: StatePlace,
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
    headSequence,
    requestHash: Buffer.from(state.requestHash),
    createdAt: time,
    deletedAt: null,
  };
  await manager.insert(entities.agentState, row);
  await dropVersions(connection, row, version - keepVersions);
  return fromStateRow(row);
}

/** Drops what the versions of a key up to `last` hold, and forgets those that are old enough. */
async function dropVersions(
  { manager, entities }: Connection,
  { sessionId, stateKey, version }: AgentStateRow,
  last: number,
): Promise<void> {
  if (last < 1) return;
  const dropped = Between(last - MAX_DROPPED_VERSIONS, last);
  await manager.update(
    entities.agentState,
    { sessionId, stateKey, version: dropped, bytes: MoreThan(0) },
    { state: null, data: null, mediaType: "", bytes: 0 },
  );
  const forgotten = Math.min(last, version - REMEMBERED_VERSIONS);
  if (forgotten < 1) return;
  const where = { sessionId, stateKey, version: LessThanOrEqual(forgotten) };
  await manager.delete(entities.agentState, where);
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
