import { idReused, isRepeated, type StoredRequest } from "../domain/idempotency.js";
import type { AgentState } from "../domain/model.js";
import type { Append, Appended, NewAgentState } from "../domain/storage.js";
import { fromStateRow, holdsState } from "./agent-state-rows.js";
import { findCalls } from "./api-call-rows.js";
import type { Connection } from "./database.js";
import type { MessageRow, SessionRow } from "./entities.js";
import { fromMessageRow } from "./message-row.js";
import type { MessagePlaces, SessionMessages } from "./session-messages.js";
import { In } from "./typeorm.js";

/**
 * Gives what an append that was carried out before stored, as it is now; undefined if it is new.
 *
 * @throws StateError `already_exists` ID_REUSED, MESSAGE_DELETED or STATE_DELETED if an id is known otherwise.
 */
export async function findRepeated(
  connection: Connection,
  session: MessagePlaces & Pick<SessionRow, "tenantId">,
  request: Append,
  messages: SessionMessages,
): Promise<Pick<Appended, "messages" | "agentStates"> | undefined> {
  const { id: sessionId, tenantId } = session;
  const messageIds = request.messages.map(({ id }) => id);
  const storedMessages = await messages.findRequests(connection, session, messageIds);
  const storedStates = await findStateRequests(connection, sessionId, request);
  const knowsMessages = isRepeated("message", request.messages, storedMessages.map(toStored));
  const knowsStates = isRepeated("state", request.agentStates, storedStates.map(toStored));
  const hasBoth = request.messages.length > 0 && request.agentStates.length > 0;
  if (hasBoth && knowsMessages !== knowsStates)
    throw idReused("only a part of the append is stored");
  const isNew = !knowsMessages && !knowsStates;
  const { length: knownCalls } = await findCalls(connection, tenantId, request.apiCalls);
  if (knownCalls !== (isNew ? 0 : request.apiCalls.length)) {
    throw idReused("only a part of the append is stored");
  }
  if (isNew) return undefined;
  const rows: MessageRow[] = [];
  for (const id of messageIds) {
    const row = await messages.find(connection, session, id);
    if (row !== undefined) rows.push(row);
  }
  const agentStates: AgentState[] = [];
  for (const state of request.agentStates) {
    agentStates.push(await findStored(connection, sessionId, state));
  }
  return { messages: rows.map((row) => fromMessageRow(row, sessionId)), agentStates };
}

async function findStateRequests(
  { manager, entities }: Connection,
  sessionId: string,
  { agentStates }: Append,
): Promise<readonly StoredRow[]> {
  if (agentStates.length === 0) return [];
  return manager.find(entities.agentState, {
    // The primary key too, which TypeORM tells rows apart by.
    select: {
      sessionId: true,
      stateKey: true,
      version: true,
      id: true,
      requestHash: true,
      deletedAt: true,
    },
    where: { sessionId, id: In(agentStates.map(({ id }) => id)) },
  });
}

/** Gives a state that is stored; of a version that is kept no longer, what is put again now is what it held. */
async function findStored(
  { manager, entities }: Connection,
  sessionId: string,
  { id, payload }: NewAgentState,
): Promise<AgentState> {
  const row = await manager.findOneByOrFail(entities.agentState, { sessionId, id });
  return holdsState(row) ? fromStateRow(row) : { ...fromStateRow(row), payload };
}

type StoredRow = Pick<MessageRow, "id" | "requestHash" | "deletedAt">;

function toStored({ id, requestHash, deletedAt }: StoredRow): StoredRequest {
  return { id, requestHash, isDeleted: deletedAt !== null };
}
