import { Checks } from "./checks.js";
import { StateError } from "./errors.js";
import type { JsonObject, Message, Session } from "./model.js";
import type { Page, SessionRef, Storage } from "./storage.js";
import { decodeToken, encodeToken } from "./token.js";

/** How many messages the first frames hold: the first one is to come soon. */
const FIRST_FRAMES: readonly number[] = [1, 8];
const FRAME_MAX_MESSAGES = 64;
const FRAME_MAX_BYTES = 64 * 1024;
const LARGEST_FRAME_MAX_MESSAGES = 1_000;

/** How much is read from the storage at once: little for the first frame, then more. */
const FIRST_READ = { maxItems: FRAME_MAX_MESSAGES, maxBytes: 256 * 1024 };
const READ = { maxItems: 512, maxBytes: 1024 * 1024 };

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
  /** 0 is the default. */
  readonly frameMaxMessages: number;
}

/** One frame of a stream: messages, or the end of what was there when it began. */
export type HistoryFrame =
  | { readonly resumeToken: string; readonly messages: readonly Message[] }
  | {
      readonly resumeToken: string;
      readonly caughtUp: { readonly headSequence: number; readonly revision: number };
    };

/**
 * Streams the messages that a session has when the call begins, in order, in frames of
 * growing size, and tells at last that it has caught up.
 *
 * It reads the next page while the present one is taken, and never holds more than two.
 * Ending the iteration early ends the reading, and so does the signal of a caller that has gone.
 *
 * @throws StateError `invalid_argument` for a malformed request, or a token of another session.
 * @throws StateError `out_of_range` POSITION_AHEAD for a start beyond what is stored.
 * @throws StateError `not_found` if the session is not there, or is deleted meanwhile.
 */
export async function* streamHistory(
  storage: Storage,
  { tenantId, signal }: { readonly tenantId: string; readonly signal: AbortSignal },
  request: HistoryRequest,
): AsyncGenerator<HistoryFrame, void> {
  const checked = checkRequest(tenantId, request);
  const { ref } = checked;
  const session = await storage.sessions.get(ref);
  if (signal.aborted) return;
  const { headSequence, revision } = session;
  const toToken = (sequence: number): string => encodeToken(toBinding(ref), [sequence, revision]);

  const start = await findStart(storage, checked, session);
  const pages = readAhead(storage, ref, start, headSequence);
  for await (const messages of toFrames(pages, checked.frameMaxMessages)) {
    yield { resumeToken: toToken(messages.at(-1)?.sequence ?? start), messages };
  }
  // A session that was deleted meanwhile must not look like one that has caught up.
  await storage.sessions.get(ref);
  yield { resumeToken: toToken(headSequence), caughtUp: { headSequence, revision } };
}

interface CheckedRequest {
  readonly ref: SessionRef;
  readonly start: HistoryStart;
  /** What the resume token holds, if there is one. */
  readonly token: { readonly sequence: number; readonly revision: number } | undefined;
  readonly frameMaxMessages: number;
}

function checkRequest(tenantId: string, request: HistoryRequest): CheckedRequest {
  const checks = new Checks();
  const ref = { tenantId, sessionId: checks.uuid("session_id", request.sessionId) };
  const { start } = request;
  if (start.from === "after_sequence") checks.integer("after_sequence", start.afterSequence, 0);
  if (start.from === "last_messages") checks.integer("last_messages", start.lastMessages, 0);
  const size = checks.integer("frame_max_messages", request.frameMaxMessages, 0);
  const token =
    start.from === "resume_token"
      ? decodeToken(toBinding(ref), start.resumeToken, ["number", "number"])
      : undefined;
  if (start.from === "resume_token" && token === undefined) {
    checks.add("resume_token", "must be a token that a stream of this session gave, unchanged");
  }
  checks.throwIfAny();
  const [sequence, revision] = token ?? [];
  return {
    ref,
    start,
    token: token && { sequence: Number(sequence), revision: Number(revision) },
    frameMaxMessages: size === 0 ? FRAME_MAX_MESSAGES : Math.min(size, LARGEST_FRAME_MAX_MESSAGES),
  };
}

/** What a resume token is bound to. The revision is there for streams that follow changes. */
function toBinding({ tenantId, sessionId }: SessionRef): JsonObject {
  return { stream: "messages", tenantId, sessionId };
}

/** Gives the sequence after which the stream begins. */
async function findStart(
  storage: Storage,
  { ref, start, token }: CheckedRequest,
  session: Session,
): Promise<number> {
  const { headSequence, revision } = session;
  if (start.from === "last_messages") {
    return start.lastMessages === 0
      ? headSequence
      : storage.messages.sequenceBeforeLast(ref, start.lastMessages, headSequence);
  }
  const sequence = start.from === "after_sequence" ? start.afterSequence : (token?.sequence ?? 0);
  if (sequence > headSequence || (token?.revision ?? 0) > revision) {
    const message = `session ${ref.sessionId} is at sequence ${headSequence} and revision ${revision}, behind where the stream is to start: start it again from a sequence that the session has`;
    throw new StateError("out_of_range", "POSITION_AHEAD", message, {
      metadata: { headSequence: String(headSequence), revision: String(revision) },
    });
  }
  return sequence;
}

/** Reads the messages after `start` up to `end`, one page ahead of the one that is taken. */
async function* readAhead(
  storage: Storage,
  ref: SessionRef,
  start: number,
  end: number,
): AsyncGenerator<readonly Message[], void> {
  const read = (afterSequence: number, bounds = READ): Promise<Page<Message>> => {
    const range = { afterSequence, upToSequence: end, order: "ascending" } as const;
    const page = storage.messages.read(ref, range, bounds);
    // It is awaited later, or not at all if the reader leaves before.
    page.catch(() => undefined);
    return page;
  };
  let next: Promise<Page<Message>> | undefined = start < end ? read(start, FIRST_READ) : undefined;
  while (next !== undefined) {
    const { items, hasMore }: Page<Message> = await next;
    next = hasMore ? read(items.at(-1)?.sequence ?? end) : undefined;
    if (items.length > 0) yield items;
  }
}

/** Cuts pages into frames: small ones first, then up to `maxMessages` or {@link FRAME_MAX_BYTES}. */
async function* toFrames(
  pages: AsyncIterable<readonly Message[]>,
  maxMessages: number,
): AsyncGenerator<readonly Message[], void> {
  const limits = [...FIRST_FRAMES];
  let frame: Message[] = [];
  let bytes = 0;
  const takeFrame = (): readonly Message[] => {
    const full = frame;
    frame = [];
    bytes = 0;
    limits.shift();
    return full;
  };
  for await (const page of pages) {
    for (const message of page) {
      if (frame.length > 0 && bytes + message.bytes > FRAME_MAX_BYTES) yield takeFrame();
      frame.push(message);
      bytes += message.bytes;
      if (frame.length >= Math.min(limits[0] ?? maxMessages, maxMessages)) yield takeFrame();
    }
  }
  if (frame.length > 0) yield frame;
}
