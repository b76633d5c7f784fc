import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { type AddressInfo, createServer, type Socket } from "node:net";
import pg from "pg";
import { describe, expect, it, onTestFinished, vi } from "vitest";
import { type Doorbell, SILENT_DOORBELL } from "../../server/src/domain/doorbell.js";
import { type Logger, SILENT_LOGGER } from "../../server/src/domain/log.js";
import { openStorage } from "../../server/src/storage/open.js";
import { PostgresDoorbell } from "../../server/src/storage/postgres-doorbell.js";
import { describeDatabases } from "../support/databases.js";
import { runSql } from "../support/run-sql.js";

const DOORBELLS =
  "FROM pg_stat_activity WHERE application_name = 'mofa-state doorbell' AND datname = current_database()";

const OPTIONS = {
  migrate: true,
  poolSize: 1,
  keepVersions: 1,
  maxRequestBytes: 1,
  doorbell: SILENT_DOORBELL,
  logger: SILENT_LOGGER,
};

/** A doorbell, and the ids that it has heard so far. */
interface TestDoorbell extends Doorbell {
  readonly url: string;
  readonly heard: Set<string>;
}

function openDoorbell(url: string, logger: Logger = SILENT_LOGGER): TestDoorbell {
  const doorbell = new PostgresDoorbell({ url, logger });
  onTestFinished(() => doorbell.close());
  const heard = new Set<string>();
  doorbell.listen((ids) => {
    for (const id of ids) heard.add(id);
  });
  return Object.assign(doorbell, { url, heard });
}

/** Waits until a doorbell hears what somebody else rings. */
async function untilConnected(doorbell: TestDoorbell): Promise<void> {
  const id = randomUUID();
  await vi.waitFor(
    async () => {
      await runSql(doorbell.url, `NOTIFY mofa_state, '${id}'`);
      expect(doorbell.heard).toContain(id);
    },
    { timeout: 10_000, interval: 10 },
  );
}

async function openConnected(url: string, logger?: Logger): Promise<TestDoorbell> {
  const doorbell = openDoorbell(url, logger);
  await untilConnected(doorbell);
  return doorbell;
}

/** Waits until a doorbell knows that another one listens, and rings for it. */
async function untilRings(ringing: Doorbell, listening: TestDoorbell): Promise<void> {
  const id = randomUUID();
  await vi.waitFor(
    () => {
      ringing.ring(id);
      expect(listening.heard).toContain(id);
    },
    { timeout: 10_000, interval: 10 },
  );
}

/** Listens to what is told on the channel. */
async function openWitness(url: string): Promise<readonly string[]> {
  const payloads: string[] = [];
  const client = new pg.Client({ connectionString: url });
  onTestFinished(() => client.end());
  await client.connect();
  client.on("notification", ({ payload = "" }) => payloads.push(payload));
  await client.query("LISTEN mofa_state");
  return payloads;
}

async function untilHeard(doorbell: TestDoorbell, ids: readonly string[]): Promise<void> {
  await vi.waitFor(() => expect(ids.filter((id) => !doorbell.heard.has(id))).toEqual([]), {
    timeout: 10_000,
    interval: 10,
  });
}

function randomIds(count: number): readonly string[] {
  return Array.from({ length: count }, () => randomUUID());
}

/** A logger that keeps the levels of its lines. */
function levelLogger(): { readonly logger: Logger; readonly levels: readonly string[] } {
  const levels: string[] = [];
  const lineOf = (level: string) => () => void levels.push(level);
  const logger = { ...SILENT_LOGGER, info: lineOf("info"), warn: lineOf("warn") };
  return { logger, levels };
}

/** A server that does with each connection what it is told, and the URL of a database there. */
async function startFake(onConnection: (socket: Socket) => void): Promise<string> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => undefined);
    onConnection(socket);
  });
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return `postgres://user@127.0.0.1:${(server.address() as AddressInfo).port}/none`;
}

describeDatabases(
  "the doorbell",
  (database) => {
    it("is heard by every other doorbell of the database", async () => {
      const url = await database.create();
      const ringing = await openConnected(url);
      const others = [await openConnected(url), await openConnected(url)];
      for (const doorbell of others) await untilRings(ringing, doorbell);
      const id = randomUUID();

      ringing.ring(id);

      for (const doorbell of others) await untilHeard(doorbell, [id]);
    });

    it("rings for nobody until somebody listens", async () => {
      const url = await database.create();
      const payloads = await openWitness(url);
      const silent = new PostgresDoorbell({ url, logger: SILENT_LOGGER });
      onTestFinished(() => silent.close());
      const ringing = await openConnected(url);
      const ids = randomIds(3);

      for (const id of ids) ringing.ring(id);
      await untilConnected(ringing);
      expect(ids.filter((id) => payloads.join().includes(id))).toEqual([]);

      const heard = new Set<string>();
      const listening = Object.assign(silent, { url, heard });
      const stop = silent.listen((all) => {
        for (const id of all) heard.add(id);
      });
      await untilRings(ringing, listening);
      stop();
      vi.spyOn(performance, "now").mockReturnValue(performance.now() + 61_000);
      onTestFinished(() => void vi.restoreAllMocks());
      const late = randomUUID();
      ringing.ring(late);
      await untilConnected(ringing);

      expect(payloads.join()).not.toContain(late);
    });

    it("tells those who begin to listen for what it has rung just before", async () => {
      const url = await database.create();
      const ringing = await openConnected(url);
      const id = randomUUID();
      ringing.ring(id);

      const listening = await openConnected(url);

      await untilHeard(listening, [id]);
    });

    it("rings for those who listen again after it came", async () => {
      const url = await database.create();
      const doorbell = new PostgresDoorbell({ url, logger: SILENT_LOGGER });
      onTestFinished(() => doorbell.close());
      const heard = new Set<string>();
      const again = Object.assign(doorbell, { url, heard });
      const listener = (ids: readonly string[]) => {
        for (const id of ids) heard.add(id);
      };
      const stop = again.listen(listener);
      await untilConnected(again);
      stop();
      const ringing = await openConnected(url);

      again.listen(listener);

      await untilRings(ringing, again);
    });

    it("rings for those who listened before it came", async () => {
      const url = await database.create();
      const listening = await openConnected(url);

      const ringing = await openConnected(url);

      await untilRings(ringing, listening);
    });

    it("is not heard in another database", async () => {
      const url = await database.create();
      const ringing = await openConnected(url);
      const witness = await openConnected(url);
      const other = await openConnected(await database.create());
      await untilRings(ringing, witness);
      const before = other.heard.size;
      const id = randomUUID();

      ringing.ring(id);
      await untilHeard(witness, [id]);
      await untilConnected(other);

      expect(other.heard.size).toBe(before + 1);
    });

    it("does not hear what it rings itself", async () => {
      const url = await database.create();
      const ringing = await openConnected(url);
      const witness = await openConnected(url);
      await untilRings(ringing, witness);
      const id = randomUUID();

      ringing.ring(id);
      await untilHeard(witness, [id]);
      await untilConnected(ringing);

      expect(ringing.heard).not.toContain(id);
    });

    it("rings once for all that is rung while it is busy", async () => {
      const url = await database.create();
      const doorbell = await openConnected(url);
      await untilRings(doorbell, await openConnected(url));
      const payloads = await openWitness(url);
      const ids = randomIds(10);

      for (const id of [...ids, ...ids, ...ids]) doorbell.ring(id);

      await vi.waitFor(() => expect(payloads.join()).toContain(ids.at(-1)));
      const rung = payloads.filter((payload) => ids.some((id) => payload.includes(id)));
      // One for the first, unless the doorbell was busy already, and one for all others.
      expect(rung.length).toBeLessThanOrEqual(2);
      expect(rung.join(",").split(",").slice(-10).sort()).toEqual([...ids].sort());
    });

    it("rings for more sessions than one notification can name", async () => {
      const url = await database.create();
      const ringing = await openConnected(url);
      const listening = await openConnected(url);
      await untilRings(ringing, listening);
      const ids = randomIds(2_000);

      for (const id of ids) ringing.ring(id);

      await untilHeard(listening, ids);
    });

    it("rings and hears again after its connection was killed, and tells so once", async () => {
      const url = await database.create();
      const { logger, levels } = levelLogger();
      const killed = await openConnected(url, logger);
      await runSql(url, `SELECT pg_terminate_backend(pid) ${DOORBELLS}`);
      await vi.waitFor(() => expect(levels).toEqual(["warn"]), { timeout: 10_000 });

      await untilConnected(killed);

      const other = await openConnected(url);
      await untilRings(killed, other);
      await untilRings(other, killed);
      const [fromKilled = "", toKilled = ""] = randomIds(2);
      killed.ring(fromKilled);
      other.ring(toKilled);
      await untilHeard(other, [fromKilled]);
      await untilHeard(killed, [toKilled]);
      expect(levels).toEqual(["warn", "info"]);
    });

    it("leaves no connection when it is closed, and is silent then", async () => {
      const url = await database.create();
      const { logger, levels } = levelLogger();
      const doorbell = await openConnected(url, logger);
      const listening = await openConnected(url);
      await untilRings(doorbell, listening);
      await listening.close();
      doorbell.ring(randomUUID());

      await doorbell.close();

      doorbell.ring(randomUUID());
      await vi.waitFor(async () =>
        expect(await runSql(url, `SELECT pid ${DOORBELLS}`)).toEqual([]),
      );
      expect(levels).toEqual([]);
    });

    it("is the storage's own, and closes with it", async () => {
      const url = await database.create();
      const storage = await openStorage(url, { ...OPTIONS, databaseNotify: true });
      const listening = await openConnected(url);
      const id = randomUUID();
      await vi.waitFor(() => {
        storage.doorbell.ring(id);
        expect(listening.heard).toContain(id);
      });
      await listening.close();

      await storage.close();

      await vi.waitFor(async () =>
        expect(await runSql(url, `SELECT pid ${DOORBELLS}`)).toEqual([]),
      );
    });

    it("is not there where databaseNotify is off", async () => {
      const storage = await openStorage(await database.create(), {
        ...OPTIONS,
        databaseNotify: false,
      });
      onTestFinished(() => storage.close());

      expect(storage.doorbell).toBe(SILENT_DOORBELL);
    });
  },
  ["postgres"],
);

describe("the doorbell of a database that is not there", () => {
  it("tries again and again, and warns once", async () => {
    let attempts = 0;
    const { logger, levels } = levelLogger();
    const url = await startFake((socket) => {
      attempts += 1;
      socket.destroy();
    });

    const doorbell = openDoorbell(url, logger);
    doorbell.ring(randomUUID());

    await vi.waitFor(() => expect(attempts).toBeGreaterThan(3), { timeout: 10_000 });
    expect(levels).toEqual(["warn"]);
  });

  it("is closed at once while it waits for an answer", async () => {
    let connected = () => {};
    const isConnected = new Promise<void>((resolve) => {
      connected = resolve;
    });
    const url = await startFake(() => connected());
    const doorbell = openDoorbell(url);
    await isConnected;
    const startedAt = performance.now();

    await doorbell.close();

    expect(performance.now() - startedAt).toBeLessThan(1_000);
  });
});
