import type { ApiCall, ApiCallStatus, NewApiCall } from "../domain/api-call.js";
import { isRepeated } from "../domain/idempotency.js";
import type { ApiCallRow } from "./api-call-entity.js";
import type { Connection } from "./database.js";
import type { SessionRow } from "./entities.js";
import { requireSession } from "./session-row.js";
import { In } from "./typeorm.js";

/** The most rows that one statement inserts: databases bound the number of parameters. */
const MAX_ROWS = 256;

/**
 * Finds calls that are stored: all of them, or none.
 *
 * @throws StateError `already_exists` ID_REUSED if only some are, or an id is that of another call.
 */
export async function findCalls(
  { manager, entities }: Connection,
  tenantId: string,
  calls: readonly NewApiCall[],
): Promise<readonly ApiCall[]> {
  if (calls.length === 0) return [];
  const id = In(calls.map((call) => call.id));
  const rows = await manager.findBy(entities.apiCall, { tenantId, id });
  const stored = rows.map(({ id, requestHash }) => ({ id, requestHash, isDeleted: false }));
  return isRepeated("API call", calls, stored) ? rows.map(fromCallRow) : [];
}

/**
 * Inserts calls that are of one session, or of none, and gives them.
 *
 * @throws StateError `not_found` if the tenant does not have the session.
 * @throws the database's error if an id is known.
 */
export async function insertCalls(
  connection: Connection,
  tenantId: string,
  calls: readonly NewApiCall[],
): Promise<readonly ApiCall[]> {
  const [first] = calls;
  if (first === undefined) return [];
  const owner = await findOwner(connection, tenantId, first.sessionId);
  const rows = calls.map((call) => toCallRow(call, tenantId, owner));
  await insertCallRows(connection, rows);
  return rows.map(fromCallRow);
}

/**
 * Inserts rows, in as few statements as it takes.
 *
 * @throws the database's error if an id is known.
 */
export async function insertCallRows(
  { manager, entities }: Connection,
  rows: readonly ApiCallRow[],
): Promise<void> {
  for (let at = 0; at < rows.length; at += MAX_ROWS) {
    await manager.insert(entities.apiCall, rows.slice(at, at + MAX_ROWS));
  }
}

/** Whose a session is. */
type Owner = Pick<SessionRow, "userId" | "agentId">;

async function findOwner(
  { manager, entities }: Connection,
  tenantId: string,
  sessionId: string | undefined,
): Promise<Owner> {
  if (sessionId === undefined) return { userId: null, agentId: null };
  const row = await manager.findOne(entities.session, {
    select: { id: true, tenantId: true, userId: true, agentId: true, deletedAt: true },
    where: { id: sessionId },
  });
  return requireSession(row, { tenantId, sessionId });
}

/** Gives the row of a call; whose it is, where it does not say so itself, its session's owner says. */
export function toCallRow(call: NewApiCall, tenantId: string, owner: Owner): ApiCallRow {
  return {
    tenantId,
    id: call.id,
    sessionId: call.sessionId ?? null,
    requestMessageId: call.requestMessageId ?? null,
    responseMessageId: call.responseMessageId ?? null,
    userId: call.userId ?? owner.userId,
    agentId: call.agentId ?? owner.agentId,
    model: call.model,
    status: call.status,
    promptTokens: call.promptTokens ?? null,
    completionTokens: call.completionTokens ?? null,
    cachedTokens: call.cachedTokens ?? null,
    reasoningTokens: call.reasoningTokens ?? null,
    priceNanoUnits: call.price?.nanoUnits ?? null,
    currency: call.price?.currency ?? null,
    latencyMs: call.latencyMs ?? null,
    timeToFirstTokenMs: call.timeToFirstTokenMs ?? null,
    error: call.error,
    requestHash: Buffer.from(call.requestHash),
    createdAt: call.createdAt,
  };
}

/** Gives the call that a row holds. */
export function fromCallRow(row: ApiCallRow): ApiCall {
  const { priceNanoUnits: nanoUnits, currency } = row;
  return {
    id: row.id,
    sessionId: row.sessionId ?? undefined,
    requestMessageId: row.requestMessageId ?? undefined,
    responseMessageId: row.responseMessageId ?? undefined,
    userId: row.userId ?? undefined,
    agentId: row.agentId ?? undefined,
    model: row.model,
    status: row.status as ApiCallStatus,
    promptTokens: row.promptTokens ?? undefined,
    completionTokens: row.completionTokens ?? undefined,
    cachedTokens: row.cachedTokens ?? undefined,
    reasoningTokens: row.reasoningTokens ?? undefined,
    price: nanoUnits === null || currency === null ? undefined : { nanoUnits, currency },
    latencyMs: row.latencyMs ?? undefined,
    timeToFirstTokenMs: row.timeToFirstTokenMs ?? undefined,
    error: row.error,
    createdAt: row.createdAt,
  };
}
