import type { NewApiCall } from "../api-call.js";
import { type ApiCallInput, toNewApiCall } from "../api-call-input.js";
import { Checks } from "../checks.js";
import type { Limits } from "../limits.js";
import type { Part } from "../model.js";
import { type MessageInput, toNewMessage, toPart, toParts } from "../new-message.js";
import type { NewMessage, SessionRef } from "../storage.js";
import { newUuid } from "../uuid.js";
import type { WriteEnd, WriteRef } from "../write-storage.js";
import type { PartDelta, TextDelta, WriteFinish, WriteStart } from "./write-input.js";

/** Which message to begin to write, or to go on with. */
export interface CheckedStart {
  readonly ref: SessionRef;
  readonly message: NewMessage;
  readonly writerId: string;
  readonly expectedHeadSequence: number | undefined;
}

/** How a message ends, beside what is added to it at last. */
export type Ending = Omit<WriteEnd, "text" | "parts">;

/**
 * Checks the beginning of a writing.
 *
 * @throws StateError `invalid_argument` or `resource_exhausted`, as for an append.
 */
export function checkStart(tenantId: string, start: WriteStart, limits: Limits): CheckedStart {
  const checks = new Checks();
  const { message: header, expectedHeadSequence } = start;
  const sessionId = checks.uuid("start.session_id", start.sessionId);
  // One that nobody else can send: such a writer comes back only when its lease has ended.
  const writerId = checks.optionalUuid("start.writer_id", start.writerId) ?? newUuid();
  checks.optionalInteger("start.expected_head_sequence", expectedHeadSequence, 0);
  if (header === undefined) checks.add("start.message", "is required");
  const make = header && checkHeader(checks, header, limits);
  checks.throwIfAny();
  if (make === undefined) throw new Error("a start without a message passed its checks");
  return { ref: { tenantId, sessionId }, message: make(), writerId, expectedHeadSequence };
}

function checkHeader(checks: Checks, header: MessageInput, limits: Limits): () => NewMessage {
  const path = "start.message.";
  const written = "must be empty: deltas bring it";
  if (header.content !== "") checks.add(`${path}content`, written);
  if (header.parts.length > 0) checks.add(`${path}parts`, written);
  return toNewMessage(checks, { ...header, content: "", parts: [] }, path, limits);
}

/**
 * Checks text to add.
 *
 * @throws StateError `invalid_argument` unless it is sound.
 */
export function checkText({ offset, text }: TextDelta): void {
  const checks = new Checks();
  checks.integer("delta.offset", offset, 0);
  checks.text("delta.text", text);
  checks.throwIfAny();
}

/**
 * Checks a part to add, and gives it.
 *
 * @throws StateError `invalid_argument` unless it is sound.
 */
export function checkPart({ partIndex, part }: PartDelta): Part {
  const checks = new Checks();
  checks.integer("delta.part_index", partIndex, 0);
  const checked = toPart(checks, part, "delta.part");
  checks.throwIfAny();
  if (checked === undefined) throw new Error("a part of no kind passed its checks");
  return checked;
}

/**
 * Checks the end of the writing of a message.
 *
 * @throws StateError `invalid_argument` unless it is sound.
 */
export function checkFinish(finish: WriteFinish, ref: WriteRef): Ending {
  const { parts, status, tokenCount, apiCall } = finish;
  const checks = new Checks();
  const allParts = toParts(checks, parts, "finish.parts");
  if (status === undefined) checks.add("finish.status", "must be complete or interrupted");
  checks.optionalInteger("finish.token_count", tokenCount, 0);
  const makeCall = apiCall && checkApiCall(checks, apiCall);
  checks.throwIfAny();
  return {
    status: status ?? "complete",
    allParts: parts.length === 0 ? undefined : allParts,
    tokenCount,
    apiCall: makeCall?.(ref),
  };
}

function checkApiCall(checks: Checks, apiCall: ApiCallInput): (ref: WriteRef) => NewApiCall {
  const input = { ...apiCall, sessionId: "", responseMessageId: "" };
  const make = toNewApiCall(checks, input, "finish.api_call.");
  return ({ sessionId, messageId }) => make({ sessionId, responseMessageId: messageId });
}
