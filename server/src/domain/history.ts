import { readFrames } from "./history-frames.js";
import { checkHistoryRequest, findStart, type HistoryRequest } from "./history-request.js";
import { type SessionFrame, toResumeToken } from "./session-frame.js";
import type { Storage } from "./storage.js";

/** Who reads a stream. */
export interface StreamReader {
  readonly tenantId: string;
  /** Aborted when the reader has gone. */
  readonly signal: AbortSignal;
}

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
  { tenantId, signal }: StreamReader,
  request: HistoryRequest,
): AsyncGenerator<SessionFrame, void> {
  const checked = checkHistoryRequest(tenantId, request);
  const { ref, frameMaxMessages } = checked;
  const session = await storage.sessions.get(ref);
  if (signal.aborted) return;
  const { headSequence, revision } = session;
  // It brings no changes: who follows from one of its tokens has still to get those.
  const known = checked.token?.revision ?? revision;

  const start = await findStart(storage, checked, session);
  const range = { start, end: headSequence };
  for await (const messages of readFrames(storage, ref, range, frameMaxMessages)) {
    const sequence = messages.at(-1)?.sequence ?? start;
    const resumeToken = toResumeToken(ref, { sequence, revision: known });
    yield { type: "messages", messages, resumeToken };
  }
  // A session that was deleted meanwhile must not look like one that has caught up.
  await storage.sessions.get(ref);
  const resumeToken = toResumeToken(ref, { sequence: headSequence, revision: known });
  yield { type: "caught_up", headSequence, revision, resumeToken };
}
