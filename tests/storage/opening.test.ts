import { expect, it } from "vitest";
import { SILENT_LOGGER } from "../../server/src/domain/log.js";
import { describeDatabases } from "../support/databases.js";
import {
  createSession,
  endOf,
  LONG_LEASE_MS,
  type OpenWrite,
  startWrite,
  textOf,
} from "./contract/samples.js";
import { openForTest } from "./contract/storage-suite.js";

/** Leaves messages on a database that are being written, as a server that was killed does. */
async function leaveWrites(url: string, count: number): Promise<readonly OpenWrite[]> {
  const storage = await openForTest(url);
  const session = await createSession(storage);
  const writes: OpenWrite[] = [];
  for (let index = 0; index < count; index++) writes.push(await startWrite(storage, session));
  for (const { ref } of writes) await storage.writes.checkpoint(ref, textOf("Hel"), LONG_LEASE_MS);
  await storage.close();
  return writes;
}

describeDatabases(
  "opening a storage that one process has for itself",
  ({ create }) => {
    it("interrupts every message that is being written, whatever its lease, and warns", async () => {
      const url = await create();
      const left = await leaveWrites(url, 103);
      const warnings: object[] = [];
      const logger = { ...SILENT_LOGGER, warn: (values: object) => warnings.push(values) };

      const storage = await openForTest(url, logger);

      expect(warnings).toEqual([{ sessions: 1 }]);
      for (const { ref } of left) {
        const message = await storage.messages.get(ref, ref.messageId);
        expect(message).toMatchObject({ status: "interrupted", content: "Hel", version: 1 });
      }
      const [first] = left;
      if (first === undefined) throw new Error("there are messages that are being written");
      const { revision } = await storage.sessions.get(first.ref);
      expect(revision).toBe(1 + 3 * 103);
      const late = storage.writes.finish(first.ref, endOf());
      await expect(late).rejects.toMatchObject({ reason: "WRITE_INTERRUPTED" });
    });
  },
  ["sqlite"],
);

describeDatabases(
  "opening a storage that others share",
  ({ create }) => {
    it("leaves the messages that are being written to their writers", async () => {
      const url = await create();
      const [left] = await leaveWrites(url, 1);
      if (left === undefined) throw new Error("there is a message that is being written");

      const storage = await openForTest(url);

      const { message } = await storage.writes.finish(left.ref, endOf({ text: "lo" }));
      expect(message).toMatchObject({ status: "complete", content: "Hello" });
    });
  },
  ["postgres", "mariadb", "mysql"],
);
