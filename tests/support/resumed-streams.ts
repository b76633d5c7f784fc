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
  /** Where it had caught up, with the tokens that it was given there. */
  readonly caughtUps: readonly ResumePoint[];
  readonly stored: StoredSession;
  readonly start: StreamStart;
}

/** A place where a stream can be resumed. */
export interface ResumePoint {
  readonly resumeToken: string;
  /** How many events had come by then. */
  readonly eventCount: number;
}

/** At how many of its events' tokens a stream is resumed. */
const RESUMED = 50;

/** How many streams are resumed at once. */
const AT_ONCE = 5;

/**
 * Resumes a stream at the tokens of its events, or at a sample of them, and wherever it had
 * caught up, and says what is wrong with what comes, put behind what had come by then.
 */
export async function resumedViolations(stream: FollowedStream): Promise<readonly string[]> {
  const found: string[] = [];
  const points = [...sampleOf(stream.events), ...stream.caughtUps];
  for (const batch of batches(points)) {
    const violations = await Promise.all(batch.map((point) => resumedAt(stream, point)));
    found.push(...violations.flat());
  }
  return found;
}

async function resumedAt(
  { session, options, events, stored, start }: FollowedStream,
  { resumeToken, eventCount }: ResumePoint,
): Promise<readonly string[]> {
  const { deltas, frameMaxMessages } = options;
  const rest = await catchUp(session, { resumeToken, deltas, frameMaxMessages });
  const violations = violationsOf([...events.slice(0, eventCount), ...rest], stored, start);
  return violations.map((violation) => `resumed after ${eventCount} events: ${violation}`);
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

/** Gives so many places of events with tokens, spread over all of them, with the last. */
function sampleOf(events: readonly SessionEvent[]): readonly ResumePoint[] {
  const all = events.flatMap(({ resumeToken }, index) =>
    resumeToken === undefined ? [] : [{ resumeToken, eventCount: index + 1 }],
  );
  const step = Math.max(1, all.length / RESUMED);
  const count = Math.min(all.length, RESUMED);
  const chosen = Array.from({ length: count }, (_, number) => all[Math.floor(number * step)]);
  return [...new Set([...chosen, all.at(-1)])].filter((point) => point !== undefined);
}

function batches<T>(items: readonly T[]): readonly (readonly T[])[] {
  const count = Math.ceil(items.length / AT_ONCE);
  return Array.from({ length: count }, (_, batch) =>
    items.slice(batch * AT_ONCE, (batch + 1) * AT_ONCE),
  );
}
