import type { StreamMessagesResponse } from "@mofa-state/proto/mofa/state/v1/message_pb.js";
import type { CallOptions } from "./call-options.js";
import { toPosition } from "./convert/message.js";
import { toSessionEvents } from "./convert/session-event.js";
import { StateError } from "./errors.js";
import { type StartOptions, toStart } from "./message-frames.js";
import type { FollowPosition, SessionEvent } from "./model/follow.js";
import { messageMethods } from "./transport/methods.js";
import type { StreamLimits } from "./transport/stream-call.js";
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
}

/** Follows a session: its history from the start that the options say, and then what happens. */
export async function* followSession(
  transport: Transport,
  sessionId: string,
  options: FollowOptions,
): AsyncGenerator<SessionEvent, void> {
  for await (const answer of resumedFrames(transport, sessionId, options)) {
    if (answer.frame.case === "caughtUp") {
      const { resumeToken, frame } = answer;
      options.onCaughtUp?.({ ...toPosition(frame.value), resumeToken });
    }
    yield* toSessionEvents(answer);
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

function toLimits(transport: Transport, { signal, timeoutMs }: CallOptions): StreamLimits {
  if (timeoutMs !== undefined) return transport.limits({ signal, timeoutMs });
  return { signal, timeoutMs: Infinity, deadline: Infinity };
}
