import { expect, it } from "vitest";
import { FeedLog } from "../../../../server/src/domain/follow/feed-log.js";
import type { Message } from "../../../../server/src/domain/model.js";

const REF = { tenantId: "t", sessionId: "s" };

const MESSAGE: Message = {
  id: "m1",
  sessionId: "s",
  sequence: 1,
  role: "assistant",
  content: "",
  parts: [],
  metadata: {},
  raw: undefined,
  pinned: false,
  tokenCount: undefined,
  status: "streaming",
  createdAt: new Date(0),
  updatedAt: new Date(0),
  version: 1,
  revision: 12,
  bytes: 0,
};

function write(log: FeedLog, sequence: number, epoch = 2): void {
  const place = { messageId: `m${sequence}`, sequence, epoch };
  log.write({ ...place, offset: 0, text: "x", partIndex: 0, parts: [] });
}

it("keeps nothing of a message that was deleted before it came", () => {
  const log = new FeedLog(REF, () => undefined);
  log.begin({ sequence: 0, revision: 1 }, new Set());
  for (const sequence of [1, 2, 3]) write(log, sequence);

  log.advance({ sequence: 2, revision: 5 });

  expect([1, 2, 3].map((sequence) => log.isWritten(sequence))).toEqual([false, false, true]);
  expect(log.ring.next).toBe(0);
});

it("shows what is written of a message that was read newer than the place where it was read", () => {
  const log = new FeedLog(REF, () => undefined);
  log.begin({ sequence: 0, revision: 9 }, new Set());

  log.addMessages([MESSAGE], 10);
  log.beginWriting(MESSAGE, 12);
  log.addChange({ type: "message_updated", revision: 12, message: MESSAGE }, 12);
  log.advance({ sequence: 1, revision: 12 });
  const { next } = log.ring;
  write(log, 1, 12);

  expect(log.ring.at(next)).toMatchObject({ frame: { type: "delta", delta: { text: "x" } } });
});

it("shows what is written of a message that it is told of once it has read it to begin", () => {
  const log = new FeedLog(REF, () => undefined);
  log.resume(MESSAGE, 12);
  log.beginWriting(MESSAGE, 12);
  log.begin({ sequence: 1, revision: 12 }, new Set([1]));
  const { next } = log.ring;

  write(log, 1, 12);

  expect(log.ring.at(next)).toMatchObject({ frame: { type: "delta", delta: { text: "x" } } });
});

it("shows nothing more of a writer that another took over from before the message was read", () => {
  const log = new FeedLog(REF, () => undefined);
  log.begin({ sequence: 0, revision: 9 }, new Set());
  const message = { ...MESSAGE, revision: 14 };
  log.addMessages([message], 10);
  log.beginWriting(MESSAGE, 12);

  log.addChange({ type: "message_updated", revision: 14, message }, 14);
  const { next } = log.ring;
  write(log, 1, 12);

  expect(log.ring.next).toBe(next);
});
