import type { Session, SessionEvent } from "@mofa-state/client";
import type { StoredSession } from "./stored-session.js";
import { type StreamStart, violationsOf } from "./stream-rules.js";

/** A stream that was followed, and what the store says at its end. */
export interface FollowedStream {
  readonly session: Session;
  /** How it was followed. */
  readonly options: {
    readonly deltas?: boolean | undefined;
    readonly frameMaxMessages?: number | undefined;
  };
  readonly events: readonly SessionEvent[];
  readonly stored: StoredSession;
  readonly start: StreamStart;
}

/** At how many of its tokens a stream is resumed. */
const RESUMED = 50;

/** How many streams are resumed at once. */
const AT_ONCE = 5;

/**
 * Resumes a stream at its tokens, or at a sample of them, and says what is wrong with what
 * comes, put behind what had come by then.
 */
export async function resumedViolations(stream: FollowedStream): Promise<readonly string[]> {
  const found: string[] = [];
  for (const batch of batches(tokenIndexes(stream.events))) {
    const violations = await Promise.all(batch.map((index) => resumedAfter(stream, index)));
    found.push(...violations.flat());
  }
  return found;
}

async function resumedAfter(stream: FollowedStream, index: number): Promise<readonly string[]> {
  const { session, events, stored, start } = stream;
  const { deltas, frameMaxMessages } = stream.options;
  const resumeToken = events[index]?.resumeToken;
  const rest = await catchUp(session, { resumeToken, deltas, frameMaxMessages });
  const violations = violationsOf([...events.slice(0, index + 1), ...rest], stored, start);
  return violations.map((violation) => `resumed after event ${index}: ${violation}`);
}

/** Gives what comes from a start up to where the stream has caught up. */
export async function catchUp(
  session: Session,
  options: Parameters<Session["follow"]>[0],
): Promise<readonly SessionEvent[]> {
  const stop = new AbortController();
  const events: SessionEvent[] = [];
  const onCaughtUp = () => stop.abort();
  try {
    for await (const event of session.follow({ ...options, onCaughtUp, signal: stop.signal })) {
      events.push(event);
    }
  } catch (error) {
    if (!stop.signal.aborted) throw error;
  }
  return events;
}

/** Gives the places of so many tokens, spread over all the events, with the last. */
function tokenIndexes(events: readonly SessionEvent[]): readonly number[] {
  const all = events.flatMap(({ resumeToken }, index) =>
    resumeToken === undefined ? [] : [index],
  );
  const step = Math.max(1, all.length / RESUMED);
  const count = Math.min(all.length, RESUMED);
  const chosen = Array.from({ length: count }, (_, number) => all[Math.floor(number * step)]);
  return [...new Set([...chosen, all.at(-1)])].filter((index) => index !== undefined);
}

function batches(indexes: readonly number[]): readonly (readonly number[])[] {
  const count = Math.ceil(indexes.length / AT_ONCE);
  return Array.from({ length: count }, (_, batch) =>
    indexes.slice(batch * AT_ONCE, (batch + 1) * AT_ONCE),
  );
}
