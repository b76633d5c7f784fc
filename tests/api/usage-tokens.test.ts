import { randomUUID } from "node:crypto";
import type { ApiCallFilter, State } from "@mofa-state/client";
import { expect, it } from "vitest";
import { describeDatabases } from "../support/databases.js";
import { badFields } from "./refusal.js";
import { shareServer } from "./shared-server.js";

const BAD_TOKEN = badFields("page_token");
const [USER, AGENT] = [randomUUID(), randomUUID()];
const FILTER: ApiCallFilter = {
  ...({ userId: USER, agentId: AGENT, status: "success" } as const),
  ...{ from: new Date(0), through: new Date("2100-01-01") },
};

/** Other filters, each of which differs from {@link FILTER} in one field. */
const OTHERS: readonly ApiCallFilter[] = [
  { ...FILTER, sessionId: randomUUID() },
  { ...FILTER, userId: AGENT },
  { ...FILTER, agentId: undefined },
  { ...FILTER, model: "a" },
  { ...FILTER, status: "failed" },
  { ...FILTER, from: new Date(1) },
  { ...FILTER, through: undefined },
];

async function connectToCalls(connect: () => Promise<State>): Promise<State> {
  const state = await connect();
  for (const model of ["a", "b"]) {
    await state.usage.record({ userId: USER, agentId: AGENT, model, status: "success" });
  }
  return state;
}

describeDatabases("a token of usage", (database) => {
  const server = shareServer(database);

  it("serves the same list of calls alone", async () => {
    const state = await connectToCalls(server.connect);
    const { nextPageToken: pageToken } = await state.usage.listPage({ ...FILTER, pageSize: 1 });

    for (const other of OTHERS) {
      const list = state.usage.listPage({ ...other, pageToken });
      await expect(list, JSON.stringify(other)).rejects.toMatchObject(BAD_TOKEN);
    }
    await expect(state.sessions.listPage({ pageToken })).rejects.toMatchObject(BAD_TOKEN);
    await expect(
      state.usage.totalsPage({ ...FILTER, groupBy: "model", pageToken }),
    ).rejects.toMatchObject(BAD_TOKEN);
    const rest = await state.usage.listPage({ ...FILTER, pageToken, pageSize: 9 });
    expect(rest.apiCalls.map(({ model }) => model)).toHaveLength(1);
  });

  it("serves the same groups alone", async () => {
    const state = await connectToCalls(server.connect);
    const grouped = { ...FILTER, groupBy: "model" } as const;
    const first = await state.usage.totalsPage({ ...grouped, pageSize: 1 });
    const { nextPageToken: pageToken } = first;

    const foreign = [
      ...OTHERS.map((other) => ({ ...other, groupBy: "model" as const })),
      { ...FILTER, groupBy: "day" as const },
      FILTER,
    ];

    for (const other of foreign) {
      const totals = state.usage.totalsPage({ ...other, pageToken });
      await expect(totals, JSON.stringify(other)).rejects.toMatchObject(BAD_TOKEN);
    }
    await expect(state.usage.listPage({ ...FILTER, pageToken })).rejects.toMatchObject(BAD_TOKEN);
    const rest = await state.usage.totalsPage({ ...grouped, pageToken });
    expect(rest.groups.map(({ key }) => key)).toEqual(["b"]);
  });

  it("is refused in another tenant", async () => {
    const state = await connectToCalls(server.connect);
    const stranger = await connectToCalls(server.connect);
    const { nextPageToken: pageToken } = await state.usage.listPage({ pageSize: 1 });
    const groups = await state.usage.totalsPage({ groupBy: "model", pageSize: 1 });

    await expect(stranger.usage.listPage({ pageToken })).rejects.toMatchObject(BAD_TOKEN);
    await expect(
      stranger.usage.totalsPage({ groupBy: "model", pageToken: groups.nextPageToken }),
    ).rejects.toMatchObject(BAD_TOKEN);
  });
});
