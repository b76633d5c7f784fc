import { randomUUID } from "node:crypto";
import { expect, it } from "vitest";
import { isServerKind } from "../support/database-kinds.js";
import { describeDatabases } from "../support/databases.js";
import { startServerProcess } from "../support/server-process.js";
import { watch } from "../support/stream-oracle.js";
import { connectForTest } from "../support/test-server.js";
import { startClientProcess } from "./client-process.js";

/** How many bytes are acknowledged before the crash. */
const BYTES = 1_000;

/** What a writer's process writes, in its first bytes. */
function textOf(bytes: number): string {
  const words = Array.from({ length: bytes }, (_, number) => `wörd ${number} 🦔 `);
  return Buffer.from(words.join("")).subarray(0, bytes).toString();
}

describeDatabases(
  "a writer whose process is killed",
  (database) => {
    it("leaves what was acknowledged, interrupted, to be gone on with", async () => {
      const args = ["--write-lease-ms", "1000", "--write-checkpoint-ms", "20"];
      const server = await startServerProcess(await database.create(), { args });
      const state = await connectForTest(server.address);
      const session = await state.sessions.create();
      const oracles = [watch(session), watch(session, { deltas: true })];
      const id = randomUUID();

      const program = startClientProcess("writer-program.mjs", server.address, session.id, id);
      await program.untilAtLeast(BYTES);
      await program.crash();
      for (const oracle of oracles) await oracle.until(({ type }) => type === "message_updated");
      const interrupted = await session.getMessage(id);
      const writer = session.write({ id, role: "assistant" });
      const { offset } = await writer.opened;
      await writer.write("the end");
      const finished = await writer.finish();
      const { headSequence } = await session.append({ role: "system" });

      expect(interrupted.status).toBe("interrupted");
      expect(offset).toBe(Buffer.byteLength(interrupted.content));
      expect(offset).toBeGreaterThanOrEqual(program.numbers.at(-1) ?? 0);
      expect(interrupted.content).toBe(textOf(offset));
      expect(finished).toMatchObject({
        content: `${interrupted.content}the end`,
        status: "complete",
      });
      for (const oracle of oracles) {
        await oracle.settled(headSequence);
        await oracle.check();
      }
    });
  },
  ["sqlite", "postgres"],
);

describeDatabases(
  "a message whose server is killed",
  (database) => {
    it("is interrupted, with what was acknowledged, by the next one", async () => {
      const url = await database.create();
      // On SQLite nobody else can have the lease, so that nobody waits for it.
      const leaseMs = isServerKind(database.kind) ? "1000" : "600000";
      const args = ["--write-lease-ms", leaseMs, "--write-checkpoint-ms", "20"];
      const server = await startServerProcess(url, { args });
      const state = await connectForTest(server.address);
      const session = await state.sessions.create();
      const id = randomUUID();
      const program = startClientProcess("writer-program.mjs", server.address, session.id, id);
      await program.untilAtLeast(BYTES);
      const oracle = watch(session, { deltas: true });
      await oracle.caughtUp();

      server.kill("SIGKILL");
      await server.exited;
      await program.crash();
      await startServerProcess(url, { args, listen: server.address });
      const event = await oracle.until(
        (each) => each.type === "message_updated" && each.message.status === "interrupted",
      );
      const message = await session.getMessage(id);
      const { headSequence } = await session.append({ role: "system" });
      await oracle.settled(headSequence);

      expect(event).toMatchObject({ message });
      expect(message.content).toBe(textOf(Buffer.byteLength(message.content)));
      expect(Buffer.byteLength(message.content)).toBeGreaterThanOrEqual(
        program.numbers.at(-1) ?? 0,
      );
      await oracle.check();
    });
  },
  ["sqlite", "postgres", "mariadb", "mysql"],
);
