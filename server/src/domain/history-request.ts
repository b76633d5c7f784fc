import type { SessionPosition } from "./change-storage.js";
import { Checks } from "./checks.js";
import { StateError } from "./errors.js";
import { fromResumeToken, type StreamPosition } from "./session-frame.js";
import type { SessionRef, Storage } from "./storage.js";

const FRAME_MAX_MESSAGES = 64;
const LARGEST_FRAME_MAX_MESSAGES = 1_000;

/** Where a stream starts, as a client asks for it. */
export type HistoryStart =
  | { readonly from: "beginning" }
  | { readonly from: "after_sequence"; readonly afterSequence: number }
  | { readonly from: "last_messages"; readonly lastMessages: number }
  | { readonly from: "resume_token"; readonly resumeToken: string };

/** A stream as a client asks for it. */
export interface HistoryRequest {
  readonly sessionId: string;
  readonly start: HistoryStart;
  /** Whether the stream goes on with what happens after it has caught up. */
  readonly follow: boolean;
  /** Whether the text of messages that are being written comes as deltas. */
  readonly includeDeltas: boolean;
  /** 0 is the default. */
  readonly frameMaxMessages: number;
}

/** A request that has been checked. */
export interface CheckedHistoryRequest {
  readonly ref: SessionRef;
  readonly start: HistoryStart;
  /** What the resume token holds, if there is one. */
  readonly token: StreamPosition | undefined;
  readonly includeDeltas: boolean;
  readonly frameMaxMessages: number;
}

/**
 * Checks a request.
 *
 * @throws StateError `invalid_argument` if it is malformed, or its token is of another session.
 */
export function checkHistoryRequest(
  tenantId: string,
  request: HistoryRequest,
): CheckedHistoryRequest {
  const checks = new Checks();
  const ref = { tenantId, sessionId: checks.uuid("session_id", request.sessionId) };
  const { start, includeDeltas } = request;
  if (start.from === "after_sequence") checks.integer("after_sequence", start.afterSequence, 0);
  if (start.from === "last_messages") checks.integer("last_messages", start.lastMessages, 0);
  const size = checks.integer("frame_max_messages", request.frameMaxMessages, 0);
  if (includeDeltas && !request.follow) {
    checks.add("include_deltas", "must not be set without follow: set follow too");
  }
  const token = start.from === "resume_token" ? fromResumeToken(ref, start.resumeToken) : undefined;
  if (start.from === "resume_token" && token === undefined) {
    checks.add("resume_token", "must be a token that a stream of this session gave, unchanged");
  }
  checks.throwIfAny();
  const frameMaxMessages =
    size === 0 ? FRAME_MAX_MESSAGES : Math.min(size, LARGEST_FRAME_MAX_MESSAGES);
  return { ref, start, token, includeDeltas, frameMaxMessages };
}

/** How far a session has come, as far as a start depends on it. */
type Head = Pick<SessionPosition, "headSequence" | "messageCount" | "revision">;

/**
 * Gives the sequence after which a stream begins.
 *
 * @throws StateError `out_of_range` POSITION_AHEAD if that is beyond what is stored.
 */
export async function findStart(
  storage: Storage,
  request: CheckedHistoryRequest,
  head: Head,
): Promise<number> {
  const known = knownStart(request, head);
  if (known !== undefined) return known;
  return lookUpStart(storage, request, head);
}

/**
 * Gives the sequence after which a stream begins; undefined if the messages that were
 * deleted have to be looked at for that, as {@link lookUpStart} does.
 *
 * @throws StateError `out_of_range` POSITION_AHEAD if that is beyond what is stored.
 */
export function knownStart(
  { ref, start, token }: CheckedHistoryRequest,
  { headSequence, messageCount, revision }: Head,
): number | undefined {
  if (start.from === "last_messages") {
    if (start.lastMessages === 0) return headSequence;
    if (start.lastMessages >= messageCount) return 0;
    return messageCount === headSequence ? headSequence - start.lastMessages : undefined;
  }
  const sequence = askedSequence({ start, token });
  if (sequence > headSequence || (token?.revision ?? 0) > revision) {
    const message = `session ${ref.sessionId} is at sequence ${headSequence} and revision ${revision}, behind where the stream is to start: start it again from a sequence that the session has`;
    throw new StateError("out_of_range", "POSITION_AHEAD", message, {
      metadata: { headSequence: String(headSequence), revision: String(revision) },
    });
  }
  return sequence;
}

/** Gives the sequence after which a stream is to begin, unless that is to bring the last messages. */
export function askedSequence({
  start,
  token,
}: Pick<CheckedHistoryRequest, "start" | "token">): number {
  return start.from === "after_sequence" ? start.afterSequence : (token?.sequence ?? 0);
}

/** Looks up the sequence after which a stream begins that is to bring the last messages. */
export async function lookUpStart(
  storage: Storage,
  { ref, start }: CheckedHistoryRequest,
  { headSequence }: Head,
): Promise<number> {
  if (start.from !== "last_messages") return 0;
  return storage.messages.sequenceBeforeLast(ref, start.lastMessages, headSequence);
}
