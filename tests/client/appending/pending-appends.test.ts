import { setImmediate } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import {
  type PendingAppend,
  PendingAppends,
} from "../../../client/src/appending/pending-appends.js";
import { collectGarbage } from "../../support/collect-garbage.js";

const MIB = 1024 * 1024;

function append(requestId: string, bytes = 1): PendingAppend {
  const request = Buffer.alloc(bytes);
  return { requestId, request, resolve: () => undefined, reject: () => undefined };
}

/** Gives the ids of those that may be sent now. */
function sendable(pending: PendingAppends): string[] {
  const ids: string[] = [];
  for (let next = pending.next(); next; next = pending.next()) ids.push(next.requestId);
  return ids;
}

describe("pending appends", () => {
  it("are sent up to 4 MiB, and at least one", () => {
    const pending = new PendingAppends(512);
    const sizes = [5 * MIB, 3 * MIB, MIB, 1];
    for (const [index, size] of sizes.entries()) pending.add(append(`${index}`, size));

    const first = sendable(pending);
    pending.answered("0");
    const second = sendable(pending);

    expect([first, second]).toEqual([["0"], ["1", "2"]]);
  });

  it("are sent again in their order, before those that wait", () => {
    const pending = new PendingAppends(3);
    for (const id of ["a", "b", "c", "d"]) pending.add(append(id));
    sendable(pending);
    pending.answered("b");

    pending.resend("together");

    expect(sendable(pending)).toEqual(["a", "c", "d"]);
  });

  it("are sent one at a time until those are answered that were sent before", () => {
    const pending = new PendingAppends(2);
    for (const id of ["a", "b", "c", "d", "e"]) pending.add(append(id));
    sendable(pending);

    pending.resend("one at a time");
    const turns = ["a", "b", "c"].map((id) => {
      const ids = sendable(pending);
      pending.answered(id);
      return ids;
    });

    expect(turns).toEqual([["a"], ["b"], ["c", "d"]]);
  });

  it("are let go of when they are answered, also where others always wait", async () => {
    const pending = new PendingAppends(1);
    const kept: WeakRef<PendingAppend>[] = [];
    pending.add(append("0"));

    for (let round = 0; round < 10_000; round += 1) {
      pending.add(append(`${round + 1}`));
      const sent = pending.next();
      if (sent) kept.push(new WeakRef(sent));
      pending.answered(`${round}`);
    }
    // What a weak reference was just made to lives until the next turn.
    await setImmediate();
    collectGarbage();

    expect(kept).toHaveLength(10_000);
    expect(kept.filter((sent) => sent.deref()).length).toBeLessThan(2_500);
    // Asked here, so that they are not let go of with all the others.
    expect(pending.isEmpty).toBe(false);
  });

  it("are empty once all are taken", () => {
    const pending = new PendingAppends(1);
    pending.add(append("a"));
    pending.add(append("b"));
    sendable(pending);

    const taken = pending.takeAll().map(({ requestId }) => requestId);

    expect(taken).toEqual(["a", "b"]);
    expect(pending.isEmpty).toBe(true);
  });
});
