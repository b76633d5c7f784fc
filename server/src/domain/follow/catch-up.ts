import { readFrames } from "../history-frames.js";
import { type NewFrame, type StreamPosition, toResumeToken } from "../session-frame.js";
import type { SessionRef, Storage } from "../storage.js";
import type { HeldMessages } from "./held-messages.js";
import { readChanges } from "./read-changes.js";
import { readWritten } from "./read-written.js";
import type { RingEntry } from "./ring.js";

/** What a follower reads from the database. */
export interface Reading {
  readonly ref: SessionRef;
  /** Where the follower is; without a revision it wants no changes from before. */
  readonly start: { readonly sequence: number; readonly revision: number | undefined };
  /** Where the session is. */
  readonly end: StreamPosition;
  readonly includeDeltas: boolean;
  readonly frameMaxMessages: number;
}

/**
 * Reads what a follower has not: first the changes of what it has, then the messages that
 * it has not, and last the messages that are being written, as far as it may lack a part.
 *
 * It notes what it gives in `held`.
 *
 * @throws StateError `not_found` if the session is not there any more.
 */
export async function* catchUp(
  storage: Storage,
  reading: Reading,
  held: HeldMessages,
): AsyncGenerator<RingEntry, void> {
  yield* readChanged(storage, reading, held);
  yield* readMessages(storage, reading, held);
  if (reading.includeDeltas && reading.start.sequence > 0) {
    yield* readGrown(storage, reading, held);
  }
}

async function* readChanged(
  storage: Storage,
  { ref, start, end }: Reading,
  held: HeldMessages,
): AsyncGenerator<RingEntry, void> {
  const upToSequence = start.sequence;
  const afterRevision = start.revision ?? end.revision;
  const range = { afterRevision, upToRevision: end.revision, upToSequence };
  for await (const change of readChanges(storage, ref, range)) {
    if (change.type === "message_updated") held.read(change.message);
    const position = { sequence: upToSequence, revision: change.revision };
    yield toEntry(ref, position, { type: "change", change });
  }
}

async function* readMessages(
  storage: Storage,
  { ref, start, end, frameMaxMessages }: Reading,
  held: HeldMessages,
): AsyncGenerator<RingEntry, void> {
  const range = { start: start.sequence, end: end.sequence };
  for await (const messages of readFrames(storage, ref, range, frameMaxMessages)) {
    for (const message of messages) held.read(message);
    const sequence = messages.at(-1)?.sequence ?? start.sequence;
    yield toEntry(ref, { sequence, revision: end.revision }, { type: "messages", messages });
  }
}

async function* readGrown(
  storage: Storage,
  { ref, start, end }: Reading,
  held: HeldMessages,
): AsyncGenerator<RingEntry, void> {
  const isWanted = (sequence: number) => sequence <= start.sequence && !held.isWritten(sequence);
  for await (const { message } of readWritten(storage, ref, isWanted)) {
    held.read(message);
    const change = { type: "message_updated", revision: message.revision, message } as const;
    yield toEntry(ref, end, { type: "change", change });
  }
}

function toEntry(ref: SessionRef, position: StreamPosition, frame: NewFrame): RingEntry {
  return { frame: { ...frame, resumeToken: toResumeToken(ref, position) }, position };
}
