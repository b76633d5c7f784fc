import { setImmediate } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { KeyedQueue, Queue } from "../../../server/src/storage/queue.js";

/** Keeps the process busy, as a statement of SQLite does. */
function work(milliseconds: number): void {
  const end = performance.now() + milliseconds;
  while (performance.now() < end);
}

describe("a queue", () => {
  it("runs one piece of work at a time, in order, whether or not it succeeds", async () => {
    const queue = new Queue();
    const log: string[] = [];
    const run = (name: string, fails: boolean) =>
      queue.run(async () => {
        log.push(`${name} begins`);
        await Promise.resolve();
        log.push(`${name} ends`);
        if (fails) throw new Error(name);
      });

    const outcomes = await Promise.allSettled([run("a", true), run("b", false)]);

    expect(outcomes.map(({ status }) => status)).toEqual(["rejected", "fulfilled"]);
    expect(log).toEqual(["a begins", "a ends", "b begins", "b ends"]);
  });

  it("lets the event loop turn while it is full of work that never waits", async () => {
    const queue = new Queue();
    let done = 0;
    let doneAtTurn: number | undefined;
    const turn = setImmediate().then(() => {
      doneAtTurn = done;
    });

    const pieces = Array.from({ length: 50 }, () =>
      queue.run(async () => {
        work(2);
        done += 1;
      }),
    );
    await Promise.all(pieces);
    await turn;

    expect(doneAtTurn).toBeLessThan(10);
  });
});

describe("a queue that was idle", () => {
  it("begins without a turn of the event loop", async () => {
    const queue = new Queue();
    await queue.run(async () => {});
    await setImmediate();
    work(20);
    let hasTurned = false;
    const turn = setImmediate().then(() => {
      hasTurned = true;
    });

    const turnedBefore = await queue.run(async () => hasTurned);

    expect(turnedBefore).toBe(false);
    await turn;
  });
});

describe("queues by key", () => {
  it("keep work under one key apart, and none under another waiting", async () => {
    const queues = new KeyedQueue();
    const log: string[] = [];
    let finish: () => void = () => {};
    const held = new Promise<void>((resolve) => {
      finish = resolve;
    });

    const first = queues.run("a", () => held.then(() => log.push("a1")));
    const second = queues.run("a", async () => log.push("a2"));
    await queues.run("b", async () => log.push("b"));
    finish();
    await Promise.all([first, second]);

    expect(log).toEqual(["b", "a1", "a2"]);
  });

  it("tell which work came last under a key, until it has ended", async () => {
    const queues = new KeyedQueue();
    const [first, second] = [async () => {}, async () => {}];

    const one = queues.run("a", first);
    const alone = queues.isLast("a", first);
    const two = queues.run("a", second);

    expect([alone, queues.isLast("a", first), queues.isLast("a", second)]).toEqual([
      true,
      false,
      true,
    ]);
    await Promise.all([one, two]);
    expect(queues.isLast("a", second)).toBe(false);
  });
});
