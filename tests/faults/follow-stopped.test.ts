import type { Session } from "@mofa-state/client";
import { expect, it, onTestFinished } from "vitest";
import { describeDatabases } from "../support/databases.js";
import { type ServerProcess, startServerProcess } from "../support/server-process.js";
import { watch } from "../support/stream-oracle.js";
import { connectForTest } from "../support/test-server.js";
import { startClientProcess } from "./client-process.js";
import { startRun } from "./follow-run.js";
import { MIB, residentBytes } from "./resident-memory.js";

const BATCH = Array.from({ length: 100 }, () => ({
  role: "user" as const,
  content: "A message of eight kilobytes.".padEnd(8_192, "."),
}));

/** How many of these a follower gets before it stands still, and then again while it does: 120 MB. */
const BATCHES = 150;

/** Late enough that what was just written is in the server's memory alone when it stops. */
const LATE_CHECKPOINTS = ["--write-checkpoint-ms", "2000"];

/** Stops a process; it goes on when the function is called, or the test ends. */
function freeze(pid: number): () => void {
  const thaw = () => void process.kill(pid, "SIGCONT");
  process.kill(pid, "SIGSTOP");
  onTestFinished(thaw);
  return thaw;
}

/** Appends so many batches, and gives the most that the server had in memory at the time. */
async function appendBatches(session: Session, server: ServerProcess, count: number) {
  let [peak, headSequence] = [0, 0];
  for (let batch = 0; batch < count; batch++) {
    ({ headSequence } = await session.append(BATCH));
    peak = Math.max(peak, await residentBytes(server.pid));
  }
  return { peak, headSequence };
}

describeDatabases(
  "those who follow and write on a server that stands still",
  (database) => {
    it("go on at another one, and the first does no harm when it goes on", {
      timeout: 150_000,
    }, async () => {
      const url = await database.create();
      const serve = () => startServerProcess(url, { args: LATE_CHECKPOINTS });
      const [first, second] = [await serve(), await serve()];
      const state = await connectForTest([first.address, second.address]);
      const run = await startRun(state);
      const session = await state.sessions.create();
      const oracle = watch(session, { deltas: true });
      const writer = session.write({ role: "assistant" });
      await writer.write("before, ");
      await oracle.untilHeld(({ messages }) => messages.get(1)?.content === "before, ");

      const thaw = freeze(first.pid);
      await run.goOn();
      await writer.write("after");
      await oracle.untilHeld(({ messages }) => messages.get(1)?.content === "before, after");
      thaw();
      // By the time that it answers, it has tried to store what its old writer sent.
      await (await connectForTest(first.address)).status();
      await run.goOn();

      expect((await writer.finish()).content).toBe("before, after");
      await oracle.settled((await session.append({ role: "system" })).headSequence);
      await oracle.check();
      await run.check();
    });
  },
  ["postgres"],
);

describeDatabases(
  "a follower whose process stands still",
  (database) => {
    it("costs the server little, slows nobody, and gets all of it later", {
      timeout: 120_000,
    }, async () => {
      const server = await startServerProcess(await database.create());
      const state = await connectForTest(server.address);
      const session = await state.sessions.create();
      const follower = startClientProcess("follower-program.mjs", server.address, session.id);
      const other = startClientProcess("follower-program.mjs", server.address, session.id);
      const before = await appendBatches(session, server, BATCHES);
      for (const each of [follower, other]) await each.untilAtLeast(before.headSequence);

      const thaw = freeze(follower.pid);
      const meanwhile = await appendBatches(session, server, BATCHES);
      await other.untilAtLeast(meanwhile.headSequence);
      const had = follower.numbers.length;
      thaw();
      await follower.untilAtLeast(meanwhile.headSequence);

      expect((meanwhile.peak - before.peak) / MIB).toBeLessThan(32);
      expect(had).toBe(before.headSequence);
      const { length } = follower.numbers;
      expect(follower.numbers).toEqual(Array.from({ length }, (_, index) => index + 1));
      expect(length).toBe(meanwhile.headSequence);
    });
  },
  ["sqlite"],
);
