import type { StreamMessagesResponse } from "@mofa-state/proto/mofa/state/v1/message_pb.js";
import { toPosition } from "./convert/message.js";
import { toSessionEvents } from "./convert/session-event.js";
import { StateError } from "./errors.js";
import { type StartOptions, toStart } from "./message-frames.js";
import type { FollowPosition, SessionEvent } from "./model/follow.js";
import { messageMethods } from "./transport/methods.js";
import { joinSignals } from "./transport/on-abort.js";
import type { StreamLimits } from "./transport/stream-call.js";
import { toTimeoutMs } from "./transport/timeout.js";
import type { Transport } from "./transport/transport.js";

/** Where to start following a session, and how. */
export interface FollowOptions extends StartOptions {
  /**
   * Whether the text of messages that are being written comes as it is written, as
   * `text_delta` and `part_delta`. False by default.
   */
  readonly deltas?: boolean | undefined;
  /** How many messages a frame may hold: 64 by default, 1,000 at most. */
  readonly frameMaxMessages?: number | undefined;
  /**
   * Is called each time that everything has been given that was there a moment ago: once
   * at the start, and again after every catch-up that a break or a slow consumer made needed.
   */
  readonly onCaughtUp?: ((position: FollowPosition) => void) | undefined;
  /** Ends it with `cancelled`, here and on the server. */
  readonly signal?: AbortSignal | undefined;
  /**
   * Gives up when no frame has come for so long, in milliseconds. The server sends one
   * every 15 s by default, also where nothing happens. Without it, it never gives up.
   */
  readonly timeoutMs?: number | undefined;
  /**
   * Takes the stream for lost when no frame has come for so long, in milliseconds, and resumes
   * it at the next address: 60,000 by default. It has to be longer than the server's pause
   * between two heartbeats, 15 s by default, or a quiet session is resumed again and again.
   * `Infinity` never takes it for lost. A `timeoutMs` that is no longer gives up first.
   */
  readonly silenceMs?: number | undefined;
}

const DEFAULT_SILENCE_MS = 60_000;

/**
 * Follows a session: its history from the start that the options say, and then what happens.
 *
 * `return` ends a `next` that waits for an event, as done.
 */
export function followSession(
  transport: Transport,
  sessionId: string,
  options: FollowOptions,
): AsyncGenerator<SessionEvent, void> {
  const left = new AbortController();
  const events = followUntil(left.signal, transport, sessionId, options);
  const end = events.return.bind(events);
  // A generator's own waits for the `next` before it, which may wait for ever.
  events.return = (value) => {
    left.abort();
    return end(value);
  };
  return events;
}

async function* followUntil(
  left: AbortSignal,
  transport: Transport,
  sessionId: string,
  options: FollowOptions,
): AsyncGenerator<SessionEvent, void> {
  const { onCaughtUp } = options;
  // From here, since what never starts is not sure to be told to end.
  const { signal, release } = joinSignals(left, options.signal);
  try {
    for await (const answer of resumedFrames(transport, sessionId, { ...options, signal })) {
      if (answer.frame.case === "caughtUp") {
        const { resumeToken, frame } = answer;
        onCaughtUp?.({ ...toPosition(frame.value), resumeToken });
      }
      yield* toSessionEvents(answer);
    }
  } catch (error) {
    if (!left.aborted) throw error;
  } finally {
    release();
  }
}

/**
 * Gives the frames of a stream that follows a session, resumed after the last one that was
 * given as often as it breaks.
 */
async function* resumedFrames(
  transport: Transport,
  sessionId: string,
  options: FollowOptions,
): AsyncGenerator<StreamMessagesResponse, void> {
  const { signal, deltas = false, frameMaxMessages = 0 } = options;
  let start = toStart(options);
  let limits = toLimits(transport, options);
  let backoff = transport.backoff();
  for (;;) {
    try {
      const request = { sessionId, start, follow: true, includeDeltas: deltas, frameMaxMessages };
      const answers = transport.serverStream(messageMethods.streamMessages, request, limits);
      for await (const answer of answers) {
        start = { case: "resumeToken", value: answer.resumeToken };
        yield answer;
        // From here, since the time that the consumer takes is no wait for the server.
        limits = toLimits(transport, options);
        backoff = transport.backoff();
      }
      throw new StateError("unavailable", "the server ended the stream");
    } catch (error) {
      await backoff.pauseAfter(transport.toBreak(error, signal), limits);
    }
  }
}

function toLimits(transport: Transport, options: FollowOptions): StreamLimits {
  const { signal, timeoutMs, silenceMs: givenMs = DEFAULT_SILENCE_MS } = options;
  const silenceMs = givenMs === Infinity ? givenMs : toTimeoutMs(givenMs, "silenceMs");
  if (timeoutMs !== undefined) return { ...transport.limits({ signal, timeoutMs }), silenceMs };
  return { signal, timeoutMs: Infinity, deadline: Infinity, silenceMs };
}
