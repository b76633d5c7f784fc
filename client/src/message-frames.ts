import type { CallOptions } from "./call-options.js";
import { decodeMessageFrame } from "./convert/frame-decoder.js";
import { toInt64 } from "./convert/scalar.js";
import { invalidArgument } from "./errors.js";
import type { MessageFrame } from "./model/message.js";
import { messageMethods } from "./transport/methods.js";
import { toStateError } from "./transport/status.js";
import type { Transport } from "./transport/transport.js";

/** Where to start: at most one of the three. */
export interface StartOptions {
  /** Start after this sequence. The beginning by default. */
  readonly after?: number | undefined;
  /** Start at the newest messages, so many of them. */
  readonly last?: number | undefined;
  /** Start after the frame that carried this token. */
  readonly resumeToken?: string | undefined;
}

/** Where to start reading the history, and how. */
export interface StreamOptions extends StartOptions, CallOptions {
  /** How many messages a frame may hold: 64 by default, 1,000 at most. */
  readonly frameMaxMessages?: number | undefined;
}

/**
 * Streams the frames of a session's history. A stream that breaks is resumed after the
 * last frame that was given, until no frame comes within the timeout, or as often as the
 * retry policy allows without a frame.
 */
export async function* streamFrames(
  transport: Transport,
  sessionId: string,
  options: StreamOptions,
): AsyncGenerator<MessageFrame, void> {
  const { frameMaxMessages = 0 } = options;
  let start: Start = toStart(options);
  let limits = transport.limits(options);
  let backoff = transport.backoff();
  let caughtUp = false;
  for (;;) {
    try {
      const request = { sessionId, start, frameMaxMessages };
      const { streamMessages } = messageMethods;
      const frames = transport.serverStreamOf(streamMessages, request, limits, decodeMessageFrame);
      for await (const frame of frames) {
        start = { case: "resumeToken", value: frame.resumeToken };
        caughtUp = frame.caughtUp !== undefined;
        yield frame;
        // From here, since the time that the consumer takes is no wait for the server.
        limits = transport.limits(options);
        backoff = transport.backoff();
      }
      return;
    } catch (error) {
      // What breaks after the last frame breaks nothing.
      if (caughtUp) return;
      await backoff.pauseAfter(toStateError(error), limits);
    }
  }
}

/** Where a stream of messages starts, as its request has it. */
export type Start =
  | { readonly case: "afterSequence"; readonly value: bigint }
  | { readonly case: "lastMessages"; readonly value: number }
  | { readonly case: "resumeToken"; readonly value: string }
  | { readonly case: undefined; readonly value?: never };

/**
 * Gives where to start as the request has it.
 *
 * @throws StateError `invalid_argument` if more than one place is given.
 */
export function toStart({ after, last, resumeToken }: StartOptions): Start {
  const given = [after, last, resumeToken].filter((value) => value !== undefined);
  if (given.length > 1) throw invalidArgument("start", "give one of after, last and resumeToken");
  if (after !== undefined) {
    return { case: "afterSequence", value: toInt64(after, "after_sequence") };
  }
  if (last !== undefined) return { case: "lastMessages", value: last };
  if (resumeToken !== undefined) return { case: "resumeToken", value: resumeToken };
  return { case: undefined };
}
