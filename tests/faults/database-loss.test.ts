import { randomUUID } from "node:crypto";
import {
  type Appended,
  type LowLevelClient,
  type Message,
  type NewMessage,
  type State,
  StateError,
} from "@mofa-state/client";
import {
  Health,
  HealthCheckResponse_ServingStatus as ServingStatus,
} from "@mofa-state/proto/grpc/health/v1/health_pb.js";
import { expect, it } from "vitest";
import { collect } from "../support/collect.js";
import { describeDatabases } from "../support/databases.js";
import { startPrivateDatabase } from "../support/private-database.js";
import { startServerProcess } from "../support/server-process.js";
import { connectForTest } from "../support/test-server.js";
import { freezePostgres } from "./frozen-postgres.js";

/** Starts a server, and connects to it by a client that repeats nothing by itself. */
async function startOn(url: string): Promise<State> {
  const { address } = await startServerProcess(url);
  return connectForTest(address, { retry: { maxAttempts: 1 } });
}

/** Waits until the server says of itself what it is waited for. */
async function untilHealthIs(
  health: LowLevelClient<typeof Health>,
  wanted: ServingStatus,
): Promise<void> {
  for await (const { status } of health.watch({})) if (status === wanted) return;
  throw new Error("the server no longer tells its health");
}

function isAppended(result: unknown): result is Appended {
  return !(result instanceof StateError);
}

describeDatabases(
  "a database that goes away",
  ({ kind }) => {
    if (kind !== "postgres" && kind !== "mariadb") return;

    it("makes calls unavailable until it is back, and loses nothing", {
      timeout: 120_000,
    }, async () => {
      const database = await startPrivateDatabase(kind);
      const state = await startOn(database.url);
      const health = state.lowLevel(Health);
      const session = await state.sessions.create();
      const kept = (await session.append({ role: "user", content: "kept" })).messages;
      const lost = { id: randomUUID(), role: "user", content: "not lost" } as const;

      await database.server.kill();
      for (const call of [
        () => session.append(lost),
        () => session.messages().next(),
        () => session.state.get(),
        () => state.sessions.open({ key: "fresh" }),
        () => state.sessions.listPage(),
        () => state.status(),
      ]) {
        await expect(call()).rejects.toMatchObject({
          code: "unavailable",
          reason: "DATABASE_UNAVAILABLE",
          retryAfterMs: expect.any(Number),
        });
      }
      await untilHealthIs(health, ServingStatus.NOT_SERVING);
      await database.server.start();
      await untilHealthIs(health, ServingStatus.SERVING);

      const { messages } = await session.append(lost);
      expect(await collect(session.messages())).toEqual([...kept, ...messages]);
      expect((await state.sessions.open({ key: "fresh" })).created).toBe(true);
    });

    it("ends what is under way, to be sent again", { timeout: 120_000 }, async () => {
      const database = await startPrivateDatabase(kind);
      const state = await startOn(database.url);
      const session = await state.sessions.create();
      const acknowledged: Message[] = [];
      let killed: Promise<void> | undefined;
      const writeUntilLost = async (): Promise<NewMessage> => {
        for (;;) {
          const message = { id: randomUUID(), role: "user" } as const;
          const result = await session.append(message).catch((error: unknown) => error);
          if (!isAppended(result)) {
            expect(result).toMatchObject({ code: "unavailable", reason: "DATABASE_UNAVAILABLE" });
            return message;
          }
          acknowledged.push(...result.messages);
          if (acknowledged.length === 20) killed = database.server.kill();
        }
      };

      const unacknowledged = await Promise.all(Array.from({ length: 4 }, writeUntilLost));
      await killed;
      await database.server.start();
      await untilHealthIs(state.lowLevel(Health), ServingStatus.SERVING);
      for (const message of unacknowledged) {
        acknowledged.push(...(await session.append(message)).messages);
      }

      const inOrder = acknowledged.toSorted((a, b) => a.sequence - b.sequence);
      expect(await collect(session.messages())).toEqual(inOrder);
      expect(inOrder.map(({ sequence }) => sequence)).toEqual(inOrder.map((_, index) => index + 1));
    });
  },
  ["postgres", "mariadb"],
);

describeDatabases("a database that stands still", () => {
  it("makes calls end by their deadline, and serves again when it goes on", async () => {
    const { url } = await startPrivateDatabase("postgres");
    const state = await startOn(url);
    const session = await state.sessions.create();
    const { messages: kept } = await session.append({ role: "user", content: "kept" });

    const thaw = await freezePostgres(url);
    const late = { id: randomUUID(), role: "user", content: "late" } as const;
    const calls = [session.append(late, { timeoutMs: 500 }), session.refresh({ timeoutMs: 500 })];
    for (const outcome of await Promise.allSettled(calls)) {
      expect(outcome).toMatchObject({ reason: { code: "deadline_exceeded" } });
    }
    await untilHealthIs(state.lowLevel(Health), ServingStatus.NOT_SERVING);
    thaw();
    await untilHealthIs(state.lowLevel(Health), ServingStatus.SERVING);

    const { messages } = await session.append(late);
    expect(await collect(session.messages())).toEqual([...kept, ...messages]);
  });
}, ["postgres"]);
