import { setImmediate as turnOfLoop } from "node:timers/promises";
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { status } from "@grpc/grpc-js";
import {
  Health,
  HealthCheckRequestSchema,
  HealthCheckResponseSchema,
  HealthListResponseSchema,
  HealthCheckResponse_ServingStatus as ServingStatus,
} from "@mofa-state/proto/grpc/health/v1/health_pb.js";
import { describe, expect, it, onTestFinished } from "vitest";
import { HealthState, healthHandlers } from "../../../server/src/rpc/health.js";
import { HealthMonitor } from "../../../server/src/rpc/health-monitor.js";
import { deferred } from "../../support/deferred.js";
import { KeptErrors, startRaw } from "./raw-grpc.js";

const CHECK = "/grpc.health.v1.Health/Check";
const WATCH = "/grpc.health.v1.Health/Watch";
const LIST = "/grpc.health.v1.Health/List";
const NAME = "mofa.state.v1.SessionService";

async function start() {
  const health = new HealthState();
  const pair = await startRaw((server) =>
    server.addTenantless(Health, healthHandlers(health, [NAME])),
  );
  return { ...pair, health };
}

function request(service: string): Uint8Array {
  return toBinary(HealthCheckRequestSchema, create(HealthCheckRequestSchema, { service }));
}

function statusOf(reply: Uint8Array | undefined): ServingStatus {
  return fromBinary(HealthCheckResponseSchema, reply ?? new Uint8Array()).status;
}

describe("health", () => {
  it.each(["", NAME])("tells whether %j is served", async (service) => {
    const { client, health } = await start();

    const before = await client.unary(CHECK, request(service));
    health.set(true);
    const after = await client.unary(CHECK, request(service));

    expect(statusOf(before.reply)).toBe(ServingStatus.NOT_SERVING);
    expect(statusOf(after.reply)).toBe(ServingStatus.SERVING);
  });

  it("does not know other services", async () => {
    const { client } = await start();

    const { error } = await client.unary(CHECK, request("other"));

    expect(error?.code).toBe(status.NOT_FOUND);
  });

  it("lists all services", async () => {
    const { client } = await start();

    const { reply } = await client.unary(LIST, new Uint8Array());

    const { statuses } = fromBinary(HealthListResponseSchema, new Uint8Array(reply ?? []));
    expect(Object.keys(statuses)).toEqual(["", NAME]);
  });

  it("tells a watcher of changes, and of the shutdown before the stream ends", async () => {
    const { client, health, server } = await start();
    const seen: ServingStatus[] = [];

    const stream = client.stream(WATCH, request(""));
    let end: unknown;
    try {
      for await (const frame of stream) {
        seen.push(statusOf(frame));
        if (seen.length === 1) health.set(true);
        if (seen.length === 2) {
          health.set(false);
          void server.close({ graceMs: 1_000 });
        }
      }
    } catch (error) {
      end = error;
    }

    const { NOT_SERVING, SERVING } = ServingStatus;
    expect(seen).toEqual([NOT_SERVING, SERVING, NOT_SERVING]);
    expect(end).toMatchObject({ code: status.UNAVAILABLE });
  });

  it("keeps the watch of an unknown service open", async () => {
    const { client, health } = await start();
    const stream = client.stream(WATCH, request("other"));
    stream.on("error", () => {});

    const [first] = await new Promise<Buffer[]>((resolve) => {
      stream.once("data", (frame: Buffer) => resolve([frame]));
    });
    health.set(true);

    expect(statusOf(first)).toBe(ServingStatus.SERVICE_UNKNOWN);
    stream.cancel();
  });
});

describe("the health monitor", () => {
  it("follows whether the database answers, one question at a time", async () => {
    const health = new HealthState();
    health.set(true);
    const answers: (() => void)[] = [];
    let asked = 0;
    const monitor = new HealthMonitor({
      ping: () => {
        asked += 1;
        return new Promise((resolve) => {
          answers.push(resolve);
        });
      },
      health,
      logger: new KeptErrors(),
      intervalMs: 5,
    });
    onTestFinished(() => monitor.stop());
    const { signal } = new AbortController();
    // The monitor's timer keeps no process alive; this one does, until the test ends.
    const alive = setInterval(() => {}, 1_000);
    onTestFinished(() => clearInterval(alive));

    await health.change(signal);
    const servedWhileUnanswered = health.serving;
    const askedWhileUnanswered = asked;
    const changed = health.change(signal);
    for (const answer of answers) answer();
    await changed;

    expect(servedWhileUnanswered).toBe(false);
    expect(askedWhileUnanswered).toBe(1);
    expect(health.serving).toBe(true);
  });

  it("leaves the state alone once it is stopped", async () => {
    const health = new HealthState();
    const answered = deferred<void>();
    const monitor = new HealthMonitor({
      ping: async () => {
        monitor.stop();
        answered.resolve();
      },
      health,
      logger: new KeptErrors(),
      intervalMs: 1,
    });

    await answered.promise;
    await turnOfLoop();

    expect(health.serving).toBe(false);
  });
});
