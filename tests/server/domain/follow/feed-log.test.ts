import { expect, it } from "vitest";
import { FeedLog } from "../../../../server/src/domain/follow/feed-log.js";

const REF = { tenantId: "t", sessionId: "s" };

function write(log: FeedLog, sequence: number): void {
  const place = { messageId: `m${sequence}`, sequence, epoch: 2 };
  log.write({ ...place, offset: 0, text: "x", partIndex: 0, parts: [] });
}

it("keeps nothing of a message that was deleted before it came", () => {
  const log = new FeedLog(REF, () => undefined);
  log.begin({ sequence: 0, revision: 1 });
  for (const sequence of [1, 2, 3]) write(log, sequence);

  log.advance({ sequence: 2, revision: 5 });

  expect([1, 2, 3].map((sequence) => log.isWritten(sequence))).toEqual([false, false, true]);
  expect(log.ring.next).toBe(0);
});
