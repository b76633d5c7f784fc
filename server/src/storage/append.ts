import { In } from "typeorm";
import { StateError } from "../domain/errors.js";
import { idReused, isRepeated, type StoredRequest } from "../domain/idempotency.js";
import type { AgentState, Message } from "../domain/model.js";
import type { Append, Appended, SessionRef } from "../domain/storage.js";
import { fromStateRow, putState } from "./agent-state-rows.js";
import type { Connection } from "./database.js";
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
 * Appends messages and puts states in the transaction of `connection`, as
 * MessageStorage.append promises.
 *
 * The lock on the session's row, which lasts until the commit, is what makes sequences
 * follow the order of the commits.
 */
export async function appendInTransaction(
  connection: Connection,
  ref: SessionRef,
  append: Append,
  context: AppendContext,
): Promise<Appended> {
  const head = await context.sessions.lock(connection, ref);
  const repeated = await findRepeated(connection, ref, append, context);
  if (repeated !== undefined) {
    return { ...repeated, headSequence: head.headSequence, revision: head.revision };
  }
  requireHead(head, append);
  const revision = head.revision + 1;
  const time = changeTime(head);
  const rows = append.messages.map((message, index) => {
    const sequence = head.headSequence + 1 + index;
    return toMessageRow(message, { sessionId: head.id, sequence, revision, time });
  });
  await context.messages.insert(connection, rows);
  const agentStates: AgentState[] = [];
  const place = { sessionId: head.id, revision, time, keepVersions: context.keepVersions };
  for (const state of append.agentStates) {
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
  append: Append,
  { messages }: AppendContext,
): Promise<Pick<Appended, "messages" | "agentStates"> | undefined> {
  const { manager, entities } = connection;
  const messageIds = append.messages.map(({ id }) => id);
  const messageRows =
    messageIds.length === 0 ? [] : await messages.find(connection, sessionId, messageIds);
  const stateIds = append.agentStates.map(({ id }) => id);
  const stateRows =
    stateIds.length === 0
      ? []
      : await manager.findBy(entities.agentState, { sessionId, id: In(stateIds) });
  const knowsMessages = isRepeated("message", append.messages, messageRows.map(toStoredRequest));
  const knowsStates = isRepeated("state", append.agentStates, stateRows.map(toStoredRequest));
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
