import { checkHistoryRequest, findStart, type HistoryRequest } from "../history-request.js";
import type { SessionFrame } from "../session-frame.js";
import type { Storage } from "../storage.js";
import type { Feeds } from "./feeds.js";
import { Follower } from "./follower.js";

/** Where sessions are kept, and where their followers are told what happens. */
export interface FollowSource {
  readonly storage: Storage;
  readonly feeds: Feeds;
}

/** Who follows a session. */
export interface FollowReader {
  readonly tenantId: string;
  /** Aborted when the reader has gone. */
  readonly signal: AbortSignal;
}

/**
 * Streams the messages that a session has, tells that it has caught up, and goes on with
 * everything that happens in the session, on whichever server, until the reader has gone.
 *
 * Nothing is left out or given twice, across streams that are resumed with a frame's token.
 *
 * @throws StateError as `streamHistory`; `not_found` SESSION_DELETED after the last frame of a
 * session that is deleted meanwhile.
 */
export async function* followSession(
  { storage, feeds }: FollowSource,
  { tenantId, signal }: FollowReader,
  request: HistoryRequest,
): AsyncGenerator<SessionFrame, void> {
  const checked = checkHistoryRequest(tenantId, request);
  const { ref, token, includeDeltas, frameMaxMessages } = checked;
  const session = await storage.sessions.get(ref);
  const sequence = await findStart(storage, checked, session);
  if (signal.aborted) return;
  const follower = new Follower(feeds, ref, {
    storage,
    start: { sequence, revision: token?.revision },
    includeDeltas,
    frameMaxMessages,
    signal,
  });
  yield* follower.frames();
}
