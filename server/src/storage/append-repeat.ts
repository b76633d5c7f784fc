import { StateError } from "../domain/errors.js";
import { idReused, isRepeated, type StoredRequest } from "../domain/idempotency.js";
import type { AgentState, Message } from "../domain/model.js";
import type { Append, Appended, NewAgentState } from "../domain/storage.js";
import { fromStateRow, holdsState } from "./agent-state-rows.js";
import { findCalls } from "./api-call-rows.js";
import type { Connection } from "./database.js";
import type { MessageRow, SessionRow } from "./entities.js";
import type { MessageRequestRow } from "./message-lookup.js";
import { fromMessageRow } from "./message-row.js";
import type { MessagePlaces, SessionMessages } from "./session-messages.js";
import { In } from "./typeorm.js";

/** The most bytes that an answer to a repeated append has, unless the append itself has more. */
const MAX_ANSWER_BYTES = 16 * 1024 * 1024;

/**
 * Gives what an append that was carried out before stored, as it is now; undefined if it is new.
 *
 * @throws StateError `already_exists` ID_REUSED, MESSAGE_DELETED or STATE_DELETED if an id is known otherwise.
 * @throws StateError `resource_exhausted` LIMIT_EXCEEDED if the messages were edited to more than an answer holds.
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
  requireSendable(request, storedMessages);
  const stored = await readStored(
    connection,
    session,
    { ids: messageIds, storedMessages },
    messages,
  );
  const agentStates: AgentState[] = [];
  for (const state of request.agentStates) {
    agentStates.push(await findStored(connection, sessionId, state));
  }
  return { messages: stored, agentStates };
}

/** Refuses to answer with messages that have grown by edits to more than anybody sends or takes. */
function requireSendable(request: Append, stored: readonly MessageRequestRow[]): void {
  const bytes = sumOfBytes(stored);
  if (bytes <= Math.max(MAX_ANSWER_BYTES, sumOfBytes(request.messages))) return;
  const message = `the append is stored, but its messages were edited since and have ${bytes} bytes, more than an answer holds: read them with ListMessages`;
  throw new StateError("resource_exhausted", "LIMIT_EXCEEDED", message);
}

function sumOfBytes(messages: readonly { readonly bytes: number }[]): number {
  return messages.reduce((sum, { bytes }) => sum + bytes, 0);
}

/** The messages of an append that is repeated, in its order, and what is known of them. */
interface StoredMessages {
  readonly ids: readonly string[];
  readonly storedMessages: readonly MessageRequestRow[];
}

/** Reads messages that are stored: at once if they follow one another, as those of one append do. */
async function readStored(
  connection: Connection,
  session: MessagePlaces,
  { ids, storedMessages }: StoredMessages,
  messages: SessionMessages,
): Promise<readonly Message[]> {
  const sequences = storedMessages.map(({ sequence }) => sequence);
  const [first, last] = [Math.min(...sequences), Math.max(...sequences)];
  const rows = new Map<string, Message>();
  if (last - first + 1 === ids.length) {
    const range = { afterSequence: first - 1, upToSequence: last, order: "ascending" } as const;
    const bounds = { maxItems: ids.length, maxBytes: Number.MAX_SAFE_INTEGER, largestBytes: 0 };
    const page = await messages.read(connection, session, range, bounds);
    for (const row of page.rows) rows.set(row.id, { ...row, sessionId: session.id });
  } else {
    for (const id of ids) {
      const row = await messages.find(connection, session, id);
      if (row !== undefined) rows.set(id, fromMessageRow(row, session.id));
    }
  }
  return ids.map((id) => rows.get(id)).filter((row) => row !== undefined);
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
