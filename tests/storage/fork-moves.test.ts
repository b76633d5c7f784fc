import { expect, it, onTestFinished, vi } from "vitest";
import type { Message } from "../../server/src/domain/model.js";
import type { SessionRef } from "../../server/src/domain/storage.js";
import { TypeOrmMessageStorage } from "../../server/src/storage/message-storage.js";
import { migrateSchema } from "../../server/src/storage/migrate.js";
import { openDatabase } from "../../server/src/storage/open.js";
import { TypeOrmSessionStorage } from "../../server/src/storage/session-storage.js";
import { describeDatabases } from "../support/databases.js";
import {
  appendOf,
  createSession,
  EVERYTHING,
  forkOf,
  newMessage,
  WIDE,
} from "./contract/samples.js";

type Read = (messages: TypeOrmMessageStorage, ref: SessionRef, id: string) => Promise<unknown>;

const toSequences = ({ items }: { readonly items: readonly Message[] }) =>
  items.map(({ sequence }) => sequence);

/** Reads that find the first of three messages, and what they give. */
const READS: Readonly<Record<string, readonly [Read, unknown]>> = {
  "by its id": [async (messages, ref, id) => (await messages.get(ref, id)).sequence, 1],
  "in a page": [
    async (messages, ref) => toSequences(await messages.read(ref, EVERYTHING, WIDE)),
    [1, 2, 3],
  ],
  "in what a stream begins with": [
    async (messages, ref) => {
      const { page } = await messages.readFrom(
        ref,
        ({ headSequence }) => ({ ...EVERYTHING, upToSequence: headSequence }),
        WIDE,
      );
      return page && toSequences(page);
    },
    [1, 2, 3],
  ],
  "in a page of its role": [
    async (messages, ref) =>
      toSequences(await messages.read(ref, { ...EVERYTHING, roles: ["system"] }, WIDE)),
    [1],
  ],
  "among what contexts keep": [
    async (messages, ref) => toSequences(await messages.readKept(ref, EVERYTHING, WIDE)),
    [1],
  ],
  "counted from the newest": [(messages, ref) => messages.sequenceBeforeLast(ref, 2, 3), 1],
};

describeDatabases(
  "a message that moves since its session begins to share it",
  ({ create }) => {
    async function open() {
      const database = await openDatabase(await create(), 4);
      onTestFinished(() => database.close());
      await migrateSchema(database);
      return {
        dialect: database.dialect,
        sessions: new TypeOrmSessionStorage(database),
        messages: new TypeOrmMessageStorage(database, 4),
      };
    }

    it.each(Object.entries(READS))(
      "is found %s by one who began to read before",
      async (_, [read, found]) => {
        const { dialect, sessions, messages } = await open();
        const ref = await createSession({ sessions });
        const first = newMessage({ role: "system" });
        await messages.append(ref, appendOf(first, newMessage(), newMessage()));
        const move = async () => {
          const fork = forkOf(ref);
          await sessions.fork(ref, fork);
          await messages.update(ref, first.id, { content: "edited" }, undefined);
          await sessions.delete({ ...ref, sessionId: fork.id });
        };
        let moves = 0;
        const moveBefore = async (sql: string) => {
          if (moves > 0 || !sql.includes("FROM messages")) return;
          moves += 1;
          await move();
        };
        const { rawRows } = dialect;
        const run = dialect.run.bind(dialect);
        const held = vi.spyOn(dialect, "run").mockImplementation(async (connection, sql, given) => {
          await moveBefore(sql);
          return run(connection, sql, given);
        });
        const runRaw = rawRows.run.bind(rawRows);
        const heldRaw = vi
          .spyOn(rawRows, "run")
          .mockImplementation(async (connection, statement, take) => {
            await moveBefore(statement[0]);
            return runRaw(connection, statement, take);
          });
        onTestFinished(() => held.mockRestore());
        onTestFinished(() => heldRaw.mockRestore());

        const result = await read(messages, ref, first.id);

        expect(moves).toBe(1);
        expect(result).toEqual(found);
      },
    );
  },
  // SQLite's statements share one connection: there nothing comes between those of a read.
  ["postgres", "mariadb", "mysql"],
);
