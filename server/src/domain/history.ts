import type { SessionPosition } from "./change-storage.js";
import { EncodedFrameCutter } from "./history-cache/encoded-frames.js";
import type { HistoryCache, HistoryView } from "./history-cache/history-cache.js";
import {
  type HistorySource,
  type RangePage,
  readEncoded,
  toMissing,
} from "./history-cache/read-encoded.js";
import { FIRST_FRAMES, FIRST_ITEMS, FIRST_READ, firstItems } from "./history-frames.js";
import {
  askedSequence,
  type CheckedHistoryRequest,
  checkHistoryRequest,
  type HistoryRequest,
  knownStart,
  lookUpStart,
} from "./history-request.js";
import { type HistoryFrame, resumeTokens } from "./session-frame.js";
import type { LikelyRange, MessageRange } from "./storage.js";

/** Who reads a history. */
export interface HistoryReader {
  readonly tenantId: string;
  /** Whether the reader has gone. */
  readonly aborted: boolean;
}

/** Where histories come from: the database, and what is kept of it. */
export interface Histories extends HistorySource {
  readonly cache: HistoryCache;
}

/**
 * Streams the messages that a session has when the call begins, in order, in frames of
 * growing size unless they are few and kept, and tells at last that it has caught up.
 *
 * It reads up to two pages ahead of the one that is taken, but for the first ones, and never
 * holds more than three.
 * Ending the iteration early ends the reading, and so does a caller that has gone.
 *
 * @throws StateError `invalid_argument` for a malformed request, or a token of another session.
 * @throws StateError `out_of_range` POSITION_AHEAD for a start beyond what is stored.
 * @throws StateError `not_found` if the session is not there, or is deleted meanwhile.
 */
export async function* streamHistory(
  histories: Histories,
  reader: HistoryReader,
  request: HistoryRequest,
): AsyncGenerator<HistoryFrame, void> {
  const checked = checkHistoryRequest(reader.tenantId, request);
  const { ref } = checked;
  const { position, view, start, first } = await openHistory(histories, checked);
  if (reader.aborted) return;
  const { headSequence, revision } = position;
  // It brings no changes: who follows from one of its tokens has still to get those.
  const known = checked.token?.revision ?? revision;
  const toToken = resumeTokens(ref);

  // What is kept is there at once: for a few messages, several frames are not worth their price.
  const isFew = headSequence - start <= FIRST_READ.maxItems;
  const firstFrames = isFew && view.blocks?.find(start) !== undefined ? [] : FIRST_FRAMES;
  const cutter = new EncodedFrameCutter(checked.frameMaxMessages, firstFrames);
  const reading = { source: histories, ref, view, start, end: headSequence, first };
  for await (const run of readEncoded(reading)) {
    for (const { slices, sequence } of cutter.cut(run)) {
      const resumeToken = toToken({ sequence, revision: known });
      yield { type: "encoded_messages", slices, resumeToken };
    }
  }
  const rest = cutter.rest();
  if (rest !== undefined) {
    const resumeToken = toToken({ sequence: rest.sequence, revision: known });
    yield { type: "encoded_messages", slices: rest.slices, resumeToken };
  }
  // A session that was deleted meanwhile must not look like one that has caught up.
  if (headSequence - start > FIRST_READ.maxItems) await histories.storage.changes.position(ref);
  const resumeToken = toToken({ sequence: headSequence, revision: known });
  yield { type: "caught_up", headSequence, revision, resumeToken };
}

/** A history that is about to be streamed. */
interface OpenHistory {
  readonly position: SessionPosition;
  readonly view: HistoryView;
  /** The sequence after which it begins. */
  readonly start: number;
  /** What was read of it with the position, if anything. */
  readonly first: RangePage | undefined;
}

/** Finds out where a session is, and reads what comes first unless that is kept. */
async function openHistory(
  { storage, cache }: Histories,
  request: CheckedHistoryRequest,
): Promise<OpenHistory> {
  const { ref } = request;
  let range: MessageRange | undefined;
  const { position, page } = await storage.messages.readFrom(
    ref,
    (at) => {
      const isInStep = !cache.isBehind(ref, at) && !cache.isAhead(ref, at);
      range = isInStep ? firstMissing(cache.view(ref, at), request, at) : undefined;
      return range;
    },
    FIRST_READ,
    likelyFirst(cache, request),
  );
  await cache.bringUpToDate(storage, ref, position);
  const view = cache.view(ref, position);
  if (range !== undefined && page !== undefined) {
    return { position, view, start: range.afterSequence, first: { range, page } };
  }
  const start = startIn(view, request, position) ?? (await lookUpStart(storage, request, position));
  return { position, view, start, first: undefined };
}

/** Gives what is likely to be read first, if that can be told before the session is looked at. */
function likelyFirst(cache: HistoryCache, request: CheckedHistoryRequest): LikelyRange | undefined {
  // Who resumes is mostly where the session is: there is nothing to be read.
  if (["last_messages", "resume_token"].includes(request.start.from)) return undefined;
  const afterSequence = askedSequence(request);
  if (cache.mayHold(request.ref, afterSequence)) return undefined;
  return { afterSequence, maxItems: FIRST_ITEMS };
}

/** Gives what has to be read first, if that is known already and is not kept. */
function firstMissing(
  view: HistoryView,
  request: CheckedHistoryRequest,
  position: SessionPosition,
): MessageRange | undefined {
  const start = startIn(view, request, position);
  const { headSequence } = position;
  if (start === undefined || start >= headSequence) return undefined;
  if (view.blocks?.find(start) !== undefined) return undefined;
  return toMissing(view, start, Math.min(start + firstItems(start, headSequence), headSequence));
}

function startIn(
  view: HistoryView,
  request: CheckedHistoryRequest,
  position: SessionPosition,
): number | undefined {
  const known = knownStart(request, position);
  const { start } = request;
  if (known !== undefined || start.from !== "last_messages") return known;
  return view.blocks?.sequenceBeforeLast(start.lastMessages, position.headSequence);
}
