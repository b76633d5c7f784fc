import type { Change } from "./change-storage.js";
import type { JsonObject, Message, Part } from "./model.js";
import type { SessionRef } from "./storage.js";
import { decodeToken, encodeToken, tokenEncoder } from "./token.js";

/**
 * How far a stream has come: it has every message up to `sequence` and none after it, and
 * every change of them, of the session and of its states up to `revision`.
 */
export interface StreamPosition {
  readonly sequence: number;
  readonly revision: number;
}

/** More of a message that is being written, in place of what a reader holds from there on. */
export type FrameDelta = {
  readonly messageId: string;
  readonly sequence: number;
} & (
  | { readonly type: "text"; readonly offset: number; readonly text: string }
  | { readonly type: "part"; readonly partIndex: number; readonly part: Part }
);

/** One frame of a stream, with the token that resumes the stream after it. */
export type SessionFrame = { readonly resumeToken: string } & (
  | { readonly type: "messages"; readonly messages: readonly Message[] }
  | { readonly type: "delta"; readonly delta: FrameDelta }
  | { readonly type: "change"; readonly change: Change }
  | ({ readonly type: "caught_up" } & Progress)
  | ({ readonly type: "heartbeat" } & Progress)
);

/** How far the session has come that is streamed. */
interface Progress {
  readonly headSequence: number;
  readonly revision: number;
}

/** A frame of a history, whose messages are encoded already, with the token that resumes the stream after it. */
export type HistoryFrame =
  | {
      readonly type: "encoded_messages";
      /** The messages, one after the other. */
      readonly slices: readonly Uint8Array[];
      readonly resumeToken: string;
    }
  | Extract<SessionFrame, { readonly type: "caught_up" }>;

/** A frame without its token. */
export type NewFrame<F = SessionFrame> = F extends SessionFrame ? Omit<F, "resumeToken"> : never;

/** Makes the token that resumes a stream of a session. */
export function toResumeToken(ref: SessionRef, { sequence, revision }: StreamPosition): string {
  return encodeToken(toBinding(ref), [sequence, revision]);
}

/** Gives what makes the tokens of many frames, as {@link toResumeToken} makes each. */
export function resumeTokens(ref: SessionRef): (position: StreamPosition) => string {
  const encode = tokenEncoder(toBinding(ref));
  return ({ sequence, revision }) => encode([sequence, revision]);
}

/** Gives what a token holds, or undefined if it was edited or is of another session. */
export function fromResumeToken(ref: SessionRef, token: string): StreamPosition | undefined {
  const fields = decodeToken(toBinding(ref), token, ["number", "number"]);
  if (fields === undefined) return undefined;
  const [sequence, revision] = fields;
  return { sequence: Number(sequence), revision: Number(revision) };
}

function toBinding({ tenantId, sessionId }: SessionRef): JsonObject {
  return { stream: "messages", tenantId, sessionId };
}
