import { create } from "@bufbuild/protobuf";
import {
  CreateSessionRequestSchema,
  type ListSessionsRequest,
  ListSessionsRequestSchema,
  SessionService,
} from "@mofa-state/proto/mofa/state/v1/session_pb.js";
import type { BenchCase, Metric, Sample } from "../bench-case.js";
import { closedLoop } from "../closed-loop.js";
import type { GrpcClient } from "../grpc-client.js";
import { nextId } from "../payload.js";
import { createSession, listSessions } from "../sessions.js";
import { workOff } from "../work-off.js";
import { appendInLoop } from "./append.js";

const SESSIONS = 100_000;
const CREATED_AT_ONCE = 64;
const PAGE = 50;
const FAR_PAGE = 1_000;
const TARGET_MS = 10;

/** Every so many sessions have the metadata that is looked for. */
const RARE = 10_000;

/** Pages of the 100,000 sessions of one user: the first, the thousandth, and one with metadata. */
export const sessionPages: BenchCase = {
  name: "session-pages",
  baseline: "echo",
  operation: "call",
  onlyInFull: true,
  targets: ["first", "far", "filter"].map((page) => ({
    metric: `${page}-p50`,
    relation: "≤",
    limit: () => TARGET_MS,
  })),
  async prepare({ server, echo }) {
    const userId = await createAll(server.client);
    const first = create(ListSessionsRequestSchema, { userId, pageSize: PAGE });
    const far = { ...first, pageToken: await tokenOf(server.client, first, FAR_PAGE) };
    const metadata = { kind: "rare" };
    const filter = create(ListSessionsRequestSchema, { userId, pageSize: PAGE, metadata });
    const sessionIds = [await createSession(server.client)];
    return {
      async server(durationMs) {
        const metrics: Metric[] = [];
        let operations = 0;
        for (const [name, request] of Object.entries({ first, far, filter })) {
          const call = () => listSessions(server.client, request);
          const sample = await closedLoop(call, { inFlight: 1, durationMs: durationMs / 3 });
          operations += sample.operations;
          metrics.push(...named(sample, name));
        }
        return { operations, metrics };
      },
      baseline: (durationMs) => appendInLoop(echo.client, { sessionIds, inFlight: 1, durationMs }),
    };
  },
};

function named({ metrics }: Sample, page: string): readonly Metric[] {
  return metrics
    .filter(({ name }) => name === "p50")
    .map((metric) => ({ ...metric, name: `${page}-${metric.name}`, against: metric.name }));
}

/** Creates the sessions of a user, and gives the user's id. */
async function createAll(client: GrpcClient): Promise<string> {
  const userId = nextId();
  await workOff({ count: SESSIONS, atOnce: CREATED_AT_ONCE }, (index) => {
    const metadata = { kind: index % RARE === 0 ? "rare" : "common" };
    const request = create(CreateSessionRequestSchema, {
      session: { id: nextId(), userId, metadata },
    });
    return client.unary(SessionService.method.createSession, request);
  });
  return userId;
}

/** Gives the token of a page, counted from 1. */
async function tokenOf(
  client: GrpcClient,
  first: ListSessionsRequest,
  page: number,
): Promise<string> {
  let pageToken = "";
  for (let at = 1; at < page; at++) {
    const request = { ...first, pageToken };
    const answer = await client.unary(SessionService.method.listSessions, request);
    pageToken = answer.nextPageToken;
  }
  return pageToken;
}
