import { randomUUID } from "node:crypto";
import type { Message, MessageInitShape } from "@bufbuild/protobuf";
import { type ApiCallFilter, MessageService, UsageService } from "@mofa-state/client";
import { Role } from "@mofa-state/proto/mofa/state/v1/message_pb.js";
import {
  type ApiCallFilterSchema,
  type ApiCallSchema,
  ApiCallStatus,
  type UsageGrouping,
} from "@mofa-state/proto/mofa/state/v1/usage_pb.js";
import { expect, it } from "vitest";
import { collect } from "../support/collect.js";
import { describeDatabases } from "../support/databases.js";
import { badFields, expectRefusal } from "./refusal.js";
import { shareServer } from "./shared-server.js";

type Call = Exclude<MessageInitShape<typeof ApiCallSchema>, Message>;

const CALL = { model: "m", status: ApiCallStatus.SUCCESS };
const DAY_S = 24 * 60 * 60;

function price(nanoUnits: bigint, currency = "USD"): Call {
  return { price: { nanoUnits, currency } };
}

function after(seconds: number): Call {
  return { createdAt: { seconds: BigInt(Math.floor(Date.now() / 1_000) + seconds) } };
}

const BAD_CALLS: readonly (readonly [name: string, call: Call, fields: string])[] = [
  ["an id that is no UUID", { id: "1" }, "id"],
  ["a message that is no UUID", { requestMessageId: "1" }, "request_message_id"],
  ["a user who is no UUID", { userId: "' OR 1=1 --" }, "user_id"],
  ["an agent that is no UUID", { agentId: `${randomUUID()} ` }, "agent_id"],
  ["no model", { model: "" }, "model"],
  ["a model that is too long", { model: "é".repeat(128) }, "model"],
  ["U+0000 in the model", { model: "a\0" }, "model"],
  ["no status", { status: ApiCallStatus.UNSPECIFIED }, "status"],
  ["a status that is none", { status: 6 as ApiCallStatus }, "status"],
  [
    "a negative count",
    { promptTokens: -1, completionTokens: -1 },
    "prompt_tokens, completion_tokens",
  ],
  [
    "a negative part of a count",
    { cachedTokens: -1, reasoningTokens: -1 },
    "cached_tokens, reasoning_tokens",
  ],
  [
    "a negative time",
    { latencyMs: -1, timeToFirstTokenMs: -1 },
    "latency_ms, time_to_first_token_ms",
  ],
  ["a negative price", price(-1n), "price.nano_units"],
  ["a price over a million", price(10n ** 15n + 1n), "price.nano_units"],
  ["the highest price that can be said", price(2n ** 63n - 1n), "price.nano_units"],
  ["no currency", price(0n, ""), "price.currency"],
  ["a currency in lower case", price(1n, "usd"), "price.currency"],
  ["a currency that is too long", price(1n, "USDT"), "price.currency"],
  ["a currency on two lines", price(1n, "USD\n"), "price.currency"],
  ["an error that is too long", { error: "x".repeat(8_193) }, "error"],
  ["U+0000 in the error", { error: "\0" }, "error"],
  ["a time of the day after tomorrow", after(DAY_S + 60), "created_at"],
  ["a time that no calendar has", { createdAt: { seconds: 2n ** 62n } }, "created_at"],
];

const BAD_FILTERS: readonly (readonly [
  name: string,
  filter: MessageInitShape<typeof ApiCallFilterSchema>,
  fields: string,
])[] = [
  [
    "ids that are no UUIDs",
    { sessionId: "1", userId: "x", agentId: " " },
    "filter.session_id, filter.user_id, filter.agent_id",
  ],
  ["a model that no call can have", { model: "x".repeat(256) }, "filter.model"],
  ["U+0000 in the model", { model: "\0" }, "filter.model"],
  ["a status that is none", { status: 77 as ApiCallStatus }, "filter.status"],
  ["a time that no calendar has", { from: { seconds: 2n ** 62n } }, "filter.from"],
  ["a time before all calendars", { through: { seconds: -(2n ** 62n) } }, "filter.through"],
];

describeDatabases("a bad API call", (database) => {
  const server = shareServer(database);

  it.each(BAD_CALLS)("that has %s is refused, and stores nothing", async (_, bad, fields) => {
    const state = await server.connect();
    const session = await state.sessions.create();
    const { recordApiCall } = state.lowLevel(UsageService);
    const { appendMessages, writeMessage } = state.lowLevel(MessageService);
    const apiCall = { ...CALL, ...bad };
    const sessionId = session.id;
    const at = (path: string) =>
      badFields(...fields.split(", ").map((field) => `${path}.${field}`));

    await expectRefusal(session, () => recordApiCall({ apiCall }), at("api_call"));
    const append = { sessionId, messages: [{ role: Role.USER }], apiCalls: [CALL, apiCall] };
    await expectRefusal(session, () => appendMessages(append), at("api_calls[1]"));
    const message = { role: Role.ASSISTANT };
    const requests = async function* () {
      yield { write: { case: "start", value: { sessionId, message } } } as const;
      yield { write: { case: "finish", value: { apiCall } } } as const;
    };
    const writing = collect(writeMessage(requests()));
    await expect(writing).rejects.toMatchObject(at("finish.api_call"));

    expect(await collect(state.usage.list())).toEqual([]);
    expect(await collect(session.listMessages())).not.toMatchObject([{ status: "complete" }]);
  });

  it("is one that is not there, or comes twice in one append", async () => {
    const state = await server.connect();
    const session = await state.sessions.create();
    const { recordApiCall } = state.lowLevel(UsageService);
    const id = randomUUID();
    const twice = [id, id.toUpperCase()].map((given) => ({ id: given, model: "m" }));
    const apiCalls = twice.map((call) => ({ ...call, status: "success" }) as const);

    await expectRefusal(session, () => recordApiCall({}), badFields("api_call"));
    await expectRefusal(
      session,
      () => session.append({ role: "user" }, { apiCalls }),
      badFields("api_calls[1].id"),
    );
    expect(await collect(state.usage.list())).toEqual([]);
  });

  it("is one of more than 100 in an append, or of an append of nothing else", async () => {
    const state = await server.connect();
    const session = await state.sessions.create();
    const apiCalls = Array(101).fill({ model: "m", status: "success" });

    await expectRefusal(session, () => session.append({ role: "user" }, { apiCalls }), {
      code: "resource_exhausted",
      reason: "LIMIT_EXCEEDED",
      violations: [{ field: "api_calls" }],
    });
    await expectRefusal(
      session,
      () => session.append([], { apiCalls: apiCalls.slice(0, 1) }),
      badFields("messages"),
    );
    expect(await collect(state.usage.list())).toEqual([]);
  });

  it("is one in a session that is none, whose id is refused or not found", async () => {
    const state = await server.connect();
    const { recordApiCall } = state.lowLevel(UsageService);
    const record = (sessionId: string) => recordApiCall({ apiCall: { ...CALL, sessionId } });

    await expect(record("1")).rejects.toMatchObject(badFields("api_call.session_id"));
    await expect(record(randomUUID())).rejects.toMatchObject({
      code: "not_found",
      reason: "SESSION_NOT_FOUND",
    });
    expect(await collect(state.usage.list())).toEqual([]);
  });

  it("names all that is wrong at once", async () => {
    const state = await server.connect();
    const { recordApiCall } = state.lowLevel(UsageService);

    const recording = recordApiCall({ apiCall: { id: "1", latencyMs: -1, ...price(-1n, "") } });

    await expect(recording).rejects.toMatchObject({ code: "invalid_argument" });
    const error = await recording.catch((caught) => caught);
    const fields = error.violations.map(({ field }: { field: string }) => field).sort();
    const expected = ["id", "latency_ms", "model", "price.currency", "price.nano_units", "status"];
    expect(fields).toEqual(expected.map((field) => `api_call.${field}`));
  });
});

describeDatabases("a filter of usage", (database) => {
  const server = shareServer(database);

  it.each(BAD_FILTERS)("that has %s is refused", async (_, filter, fields) => {
    const { listApiCalls, getUsage } = (await server.connect()).lowLevel(UsageService);

    await expect(listApiCalls({ filter })).rejects.toMatchObject(badFields(...fields.split(", ")));
    await expect(getUsage({ filter })).rejects.toMatchObject(badFields(...fields.split(", ")));
  });

  it("whose grouping is none is refused", async () => {
    const { getUsage } = (await server.connect()).lowLevel(UsageService);

    const totals = getUsage({ groupBy: 6 as UsageGrouping });

    await expect(totals).rejects.toMatchObject(badFields("group_by"));
  });

  it("takes times far away", async () => {
    const { usage } = await server.connect();
    const call = await usage.record({ model: "m", status: "success" });
    const always: ApiCallFilter = {
      from: new Date("0001-01-01T00:00:00Z"),
      through: new Date("9999-12-31T23:59:59.999Z"),
    };

    expect(await collect(usage.list(always))).toEqual([call]);
    expect((await usage.total(always)).calls.total).toBe(1);
  });

  it("of a purge without a time, or with none that a calendar has, is refused", async () => {
    const state = await server.connect();
    await state.usage.record({ model: "m", status: "success" });
    const { purgeApiCalls } = state.lowLevel(UsageService);

    for (const request of [{}, { before: { seconds: 2n ** 62n } }]) {
      await expect(purgeApiCalls(request)).rejects.toMatchObject(badFields("before"));
    }
    expect((await state.usage.total()).calls.total).toBe(1);
  });
});
