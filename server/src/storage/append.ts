import { In } from "typeorm";
import { type ErrorCode, StateError } from "../domain/errors.js";
import { idReused, isRepeated, type StoredRequest } from "../domain/idempotency.js";
import type { AgentState } from "../domain/model.js";
import type { Append, Appended, NewAgentState, SessionRef } from "../domain/storage.js";
import { fromStateRow, holdsState, putState } from "./agent-state-rows.js";
import type { Connection, Database } from "./database.js";
import type { MessageRow } from "./entities.js";
import { fromMessageRow, toMessageRow } from "./message-row.js";
import type { MessageRows } from "./message-rows.js";
import { changeTime, type SessionHead, type SessionRows } from "./session-row.js";

/** What an append needs beside its connection. */
export interface AppendContext {
  readonly sessions: SessionRows;
  readonly messages: MessageRows;
  readonly keepVersions: number;
}

/**
 * Appends messages and puts states, as MessageStorage.append promises.
 *
 * Nearly every append is new, so it is written without a look at the ids first: where it
 * turns out to meet something, it is undone and carried out again with that look.
 */
export async function append(
  database: Database,
  ref: SessionRef,
  request: Append,
  context: AppendContext,
): Promise<Appended> {
  try {
    return await database.lockingTransaction(ref.sessionId, async (connection) => {
      const head = await context.sessions.lock(connection, ref);
      return appendNew(connection, head, request, context);
    });
  } catch (error) {
    const mayBeRepeated = isRefused(error) || database.isUniqueViolation(error);
    if (!mayBeRepeated) throw error;
    return database.lockingTransaction(ref.sessionId, (connection) =>
      repeatOrAppend(connection, ref, request, context),
    );
  }
}

const REFUSALS: ReadonlySet<ErrorCode> = new Set(["aborted", "resource_exhausted"]);

/** Whether an append was refused for what the session or the database is now, which a repeated one is not. */
function isRefused(error: unknown): boolean {
  return error instanceof StateError && REFUSALS.has(error.code);
}

async function repeatOrAppend(
  connection: Connection,
  ref: SessionRef,
  request: Append,
  context: AppendContext,
): Promise<Appended> {
  const head = await context.sessions.lock(connection, ref);
  const repeated = await findRepeated(connection, ref, request, context);
  if (repeated === undefined) return appendNew(connection, head, request, context);
  return { ...repeated, headSequence: head.headSequence, revision: head.revision };
}

/**
 * Writes an append to a session that is locked. The lock, which lasts until the commit,
 * is what makes sequences follow the order of the commits.
 */
async function appendNew(
  connection: Connection,
  head: SessionHead,
  request: Append,
  context: AppendContext,
): Promise<Appended> {
  requireHead(head, request);
  const revision = head.revision + 1;
  const time = changeTime(head);
  const rows = request.messages.map((message, index) => {
    const sequence = head.headSequence + 1 + index;
    return toMessageRow(message, { sessionId: head.id, sequence, revision, time });
  });
  await context.messages.insert(connection, rows);
  const agentStates: AgentState[] = [];
  const place = { sessionId: head.id, revision, time, keepVersions: context.keepVersions };
  for (const state of request.agentStates) {
    agentStates.push(await putState(connection, state, place));
  }
  const headSequence = head.headSequence + rows.length;
  await context.sessions.advance(connection, head.id, {
    headSequence,
    messageCount: head.messageCount + rows.length,
    revision,
    largestMessageBytes: Math.max(head.largestMessageBytes, ...rows.map(({ bytes }) => bytes)),
    updatedAt: time,
  });
  return { messages: rows.map(fromMessageRow), agentStates, headSequence, revision };
}

/** What an append that was carried out before stored, as it is now; undefined if it is new. */
async function findRepeated(
  connection: Connection,
  { sessionId }: SessionRef,
  request: Append,
  { messages }: AppendContext,
): Promise<Pick<Appended, "messages" | "agentStates"> | undefined> {
  const messageIds = request.messages.map(({ id }) => id);
  const storedMessages = await messages.findRequests(connection, sessionId, messageIds);
  const storedStates = await findStateRequests(connection, sessionId, request);
  const knowsMessages = isRepeated("message", request.messages, storedMessages.map(toStored));
  const knowsStates = isRepeated("state", request.agentStates, storedStates.map(toStored));
  const hasBoth = request.messages.length > 0 && request.agentStates.length > 0;
  if (hasBoth && knowsMessages !== knowsStates)
    throw idReused("only a part of the append is stored");
  if (!knowsMessages && !knowsStates) return undefined;
  const rows: MessageRow[] = [];
  for (const id of messageIds) {
    const row = await messages.find(connection, sessionId, id);
    if (row !== undefined) rows.push(row);
  }
  const agentStates: AgentState[] = [];
  for (const state of request.agentStates) {
    agentStates.push(await findStored(connection, sessionId, state));
  }
  return { messages: rows.map(fromMessageRow), agentStates };
}

function findStateRequests(
  { manager, entities }: Connection,
  sessionId: string,
  { agentStates }: Append,
): Promise<readonly StoredRow[]> {
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

function requireHead(head: SessionHead, { messages, expectedHeadSequence }: Append): void {
  const { id, headSequence } = head;
  if (expectedHeadSequence !== undefined && expectedHeadSequence !== headSequence) {
    const message = `session ${id} is at sequence ${headSequence}, not ${expectedHeadSequence}: read what was appended and try again`;
    throw new StateError("aborted", "SEQUENCE_CONFLICT", message, {
      metadata: { expected: String(expectedHeadSequence), actual: String(headSequence) },
    });
  }
  if (headSequence + messages.length > Number.MAX_SAFE_INTEGER) {
    const message = `session ${id} is out of sequences: go on in a new session`;
    throw new StateError("resource_exhausted", "SEQUENCE_EXHAUSTED", message);
  }
}
