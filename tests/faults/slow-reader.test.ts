import { connect, type Session } from "@mofa-state/client";
import { startServer } from "@mofa-state/server";
import { beforeAll, expect, it } from "vitest";
import { connectHttp2 } from "../support/connect-http2.js";
import { describeDatabases, type TestDatabase } from "../support/databases.js";
import { startServerProcess } from "../support/server-process.js";
import { connectForTest } from "../support/test-server.js";
import { MIB, peakOfSamples, residentBytes } from "./resident-memory.js";
import { openStalledReader } from "./stalled-reader.js";

const KEY = "filled";
const MESSAGES = 60_000;
const BATCH = 1_000;
/** So long that all messages are several times what a reader may cost: 150 MB. */
const TEXT = "A message of two and a half kilobytes. ".repeat(64);
const LARGE_MESSAGES = 20;
const LARGE_TEXT = "x".repeat(8 * MIB);

/** So many that half of what they asked for is more than what waits to be collected as garbage. */
const LEAVING_READERS = 60;

/** How often the server is looked at while its reader stands still: for a second or more. */
const SAMPLES = 40;

/** For four seconds or more, in which a server that waits for nobody reads a long history. */
const LONG_SAMPLES = 160;

/** Creates a database with one filled session; what its server takes for that is not measured. */
async function fill(
  database: TestDatabase,
  write: (session: Session) => Promise<void>,
): Promise<string> {
  const url = await database.create();
  const server = await startServer({ database: url });
  const state = await connect(server.address);
  await write(await state.sessions.open({ key: KEY }));
  await state.close();
  await server.close();
  return url;
}

async function writeMany(session: Session): Promise<void> {
  const batch = Array.from({ length: BATCH }, () => ({ role: "user", content: TEXT }) as const);
  for (let count = 0; count < MESSAGES; count += BATCH) await session.append(batch);
}

async function writeLarge(session: Session): Promise<void> {
  const message = { role: "user", content: LARGE_TEXT } as const;
  for (let count = 0; count < LARGE_MESSAGES; count++) await session.append(message);
}

/** Starts a server on a filled session, and reads a little of it, so that its code is loaded. */
async function startOn(url: string) {
  const server = await startServerProcess(url, { args: ["--shutdown-grace-ms", "60000"] });
  const state = await connectForTest(server.address);
  const session = await state.sessions.get({ key: KEY });
  await session.messages({ last: 1 }).next();
  const before = await residentBytes(server.pid);
  return { server, session, growth: (bytes: number) => (bytes - before) / MIB };
}

/** Reads a session in order, stands still on the way, and gives how many messages there were. */
async function readWithPause(session: Session, pause: () => Promise<void>): Promise<number> {
  let last = 0;
  for await (const { sequence } of session.messages()) {
    if (sequence !== last + 1) throw new Error(`${sequence} came after ${last}`);
    last = sequence;
    if (last === BATCH) await pause();
  }
  return last;
}

describeDatabases(
  "a slow reader of a long history",
  (database) => {
    let url = "";
    beforeAll(async () => {
      url = await fill(database, writeMany);
    }, 180_000);

    it("costs little memory, and gets all of it", async () => {
      const { server, session, growth } = await startOn(url);
      let peak = 0;

      const count = await readWithPause(session, async () => {
        peak = await peakOfSamples(server.pid, LONG_SAMPLES);
      });

      expect(count).toBe(MESSAGES);
      expect(growth(peak)).toBeLessThan(64);
    });
  },
  ["sqlite", "postgres"],
);

describeDatabases(
  "a reader that takes none of its large messages",
  (database) => {
    let url = "";
    beforeAll(async () => {
      url = await fill(database, writeLarge);
    }, 180_000);

    it("costs little memory", async () => {
      const { server, session, growth } = await startOn(url);

      await openStalledReader(connectHttp2(server.address), session.id);
      const peak = await peakOfSamples(server.pid, SAMPLES);

      expect(growth(peak)).toBeLessThan(96);
    });

    it("leaves nothing behind that fills the memory, or holds up the server's end", async () => {
      const { server, session, growth } = await startOn(url);
      const connection = connectHttp2(server.address);

      for (let count = 0; count < LEAVING_READERS; count++) {
        const reader = await openStalledReader(connection, session.id);
        reader.cancel();
      }
      const peak = await peakOfSamples(server.pid, SAMPLES);
      const asked = performance.now();
      server.kill("SIGTERM");
      const { code } = await server.exited;

      expect(code).toBe(0);
      expect(performance.now() - asked).toBeLessThan(10_000);
      expect(growth(peak)).toBeLessThan((LEAVING_READERS * LARGE_TEXT.length) / MIB / 2);
    });
  },
  ["sqlite", "postgres"],
);
