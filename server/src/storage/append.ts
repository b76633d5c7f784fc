import { In } from "typeorm";
import { StateError } from "../domain/errors.js";
import { idReused, isRepeated, type StoredRequest } from "../domain/idempotency.js";
import type { AgentState, Message } from "../domain/model.js";
import type { Append, Appended, SessionRef } from "../domain/storage.js";
import { fromStateRow, putState } from "./agent-state-rows.js";
import type { Connection, Database } from "./database.js";
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
    return await database.transaction(async (connection) => {
      const head = await context.sessions.lock(connection, ref);
      return appendNew(connection, head, request, context);
    });
  } catch (error) {
    const mayBeRepeated = isRefused(error) || database.isUniqueViolation(error);
    if (!mayBeRepeated) throw error;
    return database.transaction((connection) => repeatOrAppend(connection, ref, request, context));
  }
}

/** Whether an append was refused for what the session or the database is now, which a repeated one is not. */
function isRefused(error: unknown): boolean {
  return error instanceof StateError && /^(aborted|resource_exhausted)$/.test(error.code);
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
  const { manager, entities } = connection;
  const messageIds = request.messages.map(({ id }) => id);
  const messageRows = await messages.findAll(connection, sessionId, messageIds);
  const stateIds = request.agentStates.map(({ id }) => id);
  const stateRows =
    stateIds.length === 0
      ? []
      : await manager.findBy(entities.agentState, { sessionId, id: In(stateIds) });
  const knowsMessages = isRepeated("message", request.messages, messageRows.map(toStoredRequest));
  const knowsStates = isRepeated("state", request.agentStates, stateRows.map(toStoredRequest));
  const isMixed = knowsMessages !== knowsStates && messageIds.length > 0 && stateIds.length > 0;
  if (isMixed) throw idReused("only a part of the append is stored");
  if (!knowsMessages && !knowsStates) return undefined;
  const messagesById = new Map(messageRows.map((row) => [row.id, fromMessageRow(row)]));
  const statesById = new Map(stateRows.map((row) => [row.id, fromStateRow(row)]));
  return {
    messages: messageIds.flatMap((id): Message[] => only(messagesById.get(id))),
    agentStates: stateIds.flatMap((id): AgentState[] => only(statesById.get(id))),
  };
}

function only<T>(value: T | undefined): T[] {
  return value === undefined ? [] : [value];
}

function toStoredRequest(row: {
  readonly id: string;
  readonly requestHash: Buffer;
  readonly deletedAt: Date | null;
}): StoredRequest {
  return { id: row.id, requestHash: row.requestHash, isDeleted: row.deletedAt !== null };
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
