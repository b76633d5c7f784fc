import { create } from "@bufbuild/protobuf";
import { GetContextRequestSchema } from "@mofa-state/proto/mofa/state/v1/message_pb.js";
import type { CallOptions } from "./call-options.js";
import { toContext } from "./convert/context.js";
import type { Context } from "./model/context.js";
import { messageMethods } from "./transport/methods.js";
import type { Transport } from "./transport/transport.js";

/** How much of a session to send to a model. Limits hold together; none means all. */
export interface ContextOptions extends CallOptions {
  /** The most turns: a turn is a user message with all that follows it, up to the next one. */
  readonly maxTurns?: number | undefined;
  /** The most messages, system messages and pinned ones included. */
  readonly maxMessages?: number | undefined;
  /**
   * The most tokens. Messages count what `tokenCount` says that was given when they were
   * appended; the server estimates those that have none, by about 4 bytes a token.
   */
  readonly maxTokens?: number | undefined;
  /**
   * Whether tool calls without a result, as a crash leaves them behind, are answered by a
   * message that says so. Providers refuse a call without an answer. False by default.
   */
  readonly answerInterruptedCalls?: boolean | undefined;
}

/** Reads the newest part of a session that fits. */
export async function readContext(
  transport: Transport,
  sessionId: string,
  options: ContextOptions,
): Promise<Context> {
  const { maxTurns, maxMessages, maxTokens, answerInterruptedCalls = false } = options;
  const request = create(GetContextRequestSchema, {
    sessionId,
    maxTurns,
    maxMessages,
    maxTokens,
    answerInterruptedCalls,
  });
  return toContext(await transport.unary(messageMethods.getContext, request, options));
}
