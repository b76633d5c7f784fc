import type { Message } from "../domain/model.js";
import type { NewMessage } from "../domain/storage.js";
import type { MessageRow } from "./entities.js";
import { fromMessageRow, toMessageRow } from "./message-row.js";
import { changeTime, type SessionHead } from "./session-row.js";

/** Messages that have got their places in a session, and the session's head after them. */
export interface PlacedAppend {
  readonly rows: readonly MessageRow[];
  readonly messages: readonly Message[];
  readonly head: SessionHead;
}

/** Gives messages the places after a session's head. */
export function placeAppend(added: readonly NewMessage[], head: SessionHead): PlacedAppend {
  const revision = head.revision + 1;
  const time = changeTime(head);
  const rows = added.map((message, index) => {
    const sequence = head.headSequence + 1 + index;
    return toMessageRow(message, { sessionId: head.id, sequence, revision, time });
  });
  return {
    rows,
    messages: rows.map((row) => fromMessageRow(row, head.id)),
    head: {
      ...head,
      headSequence: head.headSequence + rows.length,
      messageCount: head.messageCount + rows.length,
      revision,
      largestMessageBytes: largestOf(rows, head.largestMessageBytes),
      updatedAt: time,
    },
  };
}

/** The most bytes that a row has, or what there was before. */
function largestOf(rows: readonly MessageRow[], before: number): number {
  return rows.reduce((largest, { bytes }) => Math.max(largest, bytes), before);
}
