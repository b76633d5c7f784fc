import type { ServerOptions } from "@mofa-state/server";
import { expect, it, vi } from "vitest";
import { describeDatabases } from "../support/databases.js";
import { runSql } from "../support/run-sql.js";
import { watch } from "../support/stream-oracle.js";
import { TcpProxy } from "../support/tcp-proxy.js";
import { connectForTest, startTestServer } from "../support/test-server.js";
import { startRun } from "./follow-run.js";

/** Far more than an interval of polling, which is 100 ms, and far less than a lost event takes. */
const SOON_MS = 3_000;

/** Longer than the test takes. */
const NEVER_MS = 60_000;

describeDatabases(
  "those who follow and write over a bad network",
  (database) => {
    async function startBehindProxy() {
      const { address } = await startTestServer({ database: await database.create() });
      const proxy = await TcpProxy.start(address);
      return { proxy, run: await startRun(await connectForTest(proxy.address)) };
    }

    it("go on after every reset", { timeout: 120_000 }, async () => {
      const { proxy, run } = await startBehindProxy();

      for (let reset = 1; reset <= 6; reset++) {
        proxy.reset();
        await run.goOn();
        expect(proxy.accepted).toBeGreaterThan(reset);
      }

      await run.check();
    });

    it("go on after a connection that nothing goes through any more", {
      timeout: 120_000,
    }, async () => {
      const { proxy, run } = await startBehindProxy();

      proxy.swallow();
      proxy.pass();
      await run.goOn();

      expect(proxy.accepted).toBe(2);
      await run.check();
    });

    it("go on when they are let in again", { timeout: 120_000 }, async () => {
      const { proxy, run } = await startBehindProxy();

      await proxy.refuse();
      await proxy.listen();
      await run.goOn();

      await run.check();
    });
  },
  ["sqlite"],
);

describeDatabases(
  "a server whose connection for notifications is lost",
  (database) => {
    /** Follows on one server a session of the other one, and can end their doorbells' connections. */
    async function startPair(options: ServerOptions) {
      const url = await database.create();
      const near = await startTestServer({ ...options, database: url });
      const far = await startTestServer({ ...options, database: url });
      const session = await (await connectForTest(near.address)).sessions.create();
      const elsewhere = await connectForTest(far.address);
      const oracle = watch(await elsewhere.sessions.get(session.id));
      await oracle.caughtUp();
      const endDoorbells = () =>
        runSql(
          url,
          `SELECT COUNT(pg_terminate_backend(pid, 10000)) AS ended FROM pg_stat_activity
           WHERE application_name = 'mofa-state doorbell' AND datname = current_database()`,
        );
      return { session, oracle, endDoorbells };
    }

    it("tells its followers soon what happens on another", async () => {
      const { session, oracle, endDoorbells } = await startPair({});

      for (let round = 0; round < 10; round++) {
        await endDoorbells();
        const asked = performance.now();
        const { headSequence } = await session.append({ role: "user", content: `${round}` });
        await oracle.settled(headSequence);
        expect(performance.now() - asked).toBeLessThan(SOON_MS);
      }

      await oracle.check();
    });

    it("rings again", async () => {
      // Nothing but the doorbell tells within the test what the other server has stored.
      const { session, oracle, endDoorbells } = await startPair({ pollIntervalMs: NEVER_MS });
      const append = async () => (await session.append({ role: "user" })).headSequence;

      for (let round = 0; round < 10; round++) {
        await vi.waitFor(async () => expect(await endDoorbells()).toEqual([{ ended: "2" }]), {
          timeout: SOON_MS,
        });
        const { length } = oracle.events;
        await vi.waitFor(
          async () => {
            await append();
            expect(oracle.events.length).toBeGreaterThan(length);
          },
          { timeout: SOON_MS },
        );
        await oracle.settled(await append());
      }

      await oracle.check();
    });
  },
  ["postgres"],
);

describeDatabases(
  "servers that do not notify each other",
  (database) => {
    it("tell their followers soon what happens on the other", async () => {
      const options = { database: await database.create(), databaseNotify: false };
      const [near, far] = [await startTestServer(options), await startTestServer(options)];
      const session = await (await connectForTest(near.address)).sessions.create();
      const elsewhere = await connectForTest(far.address);
      const oracle = watch(await elsewhere.sessions.get(session.id));
      await oracle.caughtUp();

      for (let round = 0; round < 10; round++) {
        const asked = performance.now();
        const { headSequence } = await session.append({ role: "user", content: `${round}` });
        await oracle.settled(headSequence);
        expect(performance.now() - asked).toBeLessThan(SOON_MS);
      }

      await oracle.check();
    });
  },
  ["postgres", "mariadb", "mysql"],
);
