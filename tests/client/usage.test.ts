import { fromBinary, type MessageInitShape } from "@bufbuild/protobuf";
import { status } from "@grpc/grpc-js";
import { MessageService, type State, UsageService } from "@mofa-state/client";
import type { PipelineAppendsRequest } from "@mofa-state/proto/mofa/state/v1/message_pb.js";
import type { UsageGroupSchema } from "@mofa-state/proto/mofa/state/v1/usage_pb.js";
import { describe, expect, it } from "vitest";
import { type PipelineCall, scriptPipeline, store } from "./scripted-pipeline.js";
import { connectToScript, encoded, openScripted, type UnaryScript } from "./scripted-server.js";
import { HEADER, scriptWriting, takeAll, type WriteCall } from "./scripted-writing.js";

const { recordApiCall, listApiCalls, getUsage, purgeApiCalls } = UsageService.method;

const UNAVAILABLE = { code: status.UNAVAILABLE, details: "later" };
const CALL = { model: "m", status: "success" } as const;
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f-]{17}$/;

/** A script that is unavailable at first, and keeps the requests. */
function failingOnce(requests: Buffer[], answer: Uint8Array): UnaryScript {
  return ({ request }, attempt) => {
    requests.push(request);
    if (attempt === 1) throw UNAVAILABLE;
    return answer;
  };
}

/** Connects to a server whose totals are one group. */
function connectToTotal(group: MessageInitShape<typeof UsageGroupSchema>): Promise<State> {
  return connectToScript({
    unary: { getUsage: () => encoded(getUsage.output, { groups: [group] }) },
  });
}

describe("an API call", () => {
  it("is recorded again with the id of the first attempt", async () => {
    const requests: Buffer[] = [];
    const apiCall = { id: "i", model: "m", status: 1, createdAt: { seconds: 1n } };
    const script = failingOnce(requests, encoded(recordApiCall.output, { apiCall }));
    const state = await connectToScript({ unary: { recordApiCall: script } });

    const recorded = await state.usage.record(CALL);

    expect(recorded).toEqual({ id: "i", ...CALL, createdAt: new Date(1_000) });
    expect(requests).toHaveLength(2);
    expect(requests[1]).toEqual(requests[0]);
    const sent = fromBinary(recordApiCall.input, requests[0] ?? Buffer.alloc(0)).apiCall;
    expect(sent?.id).toMatch(UUID);
    expect(sent?.createdAt).toBeUndefined();
  });

  it("has its times rounded to milliseconds", async () => {
    const requests: Buffer[] = [];
    const script = failingOnce(requests, encoded(recordApiCall.output, { apiCall: { status: 1 } }));
    const state = await connectToScript({ unary: { recordApiCall: script } });

    const recording = state.usage.record({ ...CALL, latencyMs: 12.6, timeToFirstTokenMs: 0.4 });

    await expect(recording).rejects.toMatchObject({ code: "internal" });
    const sent = fromBinary(recordApiCall.input, requests[0] ?? Buffer.alloc(0)).apiCall;
    expect(sent).toMatchObject({ latencyMs: 13, timeToFirstTokenMs: 0 });
  });

  it.each([
    ["prompt_tokens", { promptTokens: 1.5 }],
    ["completion_tokens", { completionTokens: -1 }],
    ["cached_tokens", { cachedTokens: "7" as unknown as number }],
    ["reasoning_tokens", { reasoningTokens: 2 ** 31 }],
    ["latency_ms", { latencyMs: Number.NaN }],
    ["time_to_first_token_ms", { timeToFirstTokenMs: null as unknown as number }],
  ])("with %s that is no count is refused before it is sent", async (field, wrong) => {
    const state = await connectToScript({ unary: {} });

    const recording = state.usage.record({ ...CALL, ...wrong });

    await expect(recording).rejects.toMatchObject({
      code: "invalid_argument",
      violations: [{ field: `api_call.${field}` }],
    });
  });

  it("is appended again with the id of the first attempt", async () => {
    const requests: Buffer[] = [];
    const appendMessages = failingOnce(requests, new Uint8Array());
    const session = await openScripted({ unary: { appendMessages } });

    await session.append({ role: "user" }, { apiCalls: [CALL, CALL] });

    expect(requests[1]).toEqual(requests[0]);
    const { input } = MessageService.method.appendMessages;
    const { apiCalls } = fromBinary(input, requests[0] ?? Buffer.alloc(0));
    expect(apiCalls).toMatchObject([CALL, CALL].map(({ model }) => ({ model, status: 1 })));
    for (const { id } of apiCalls) expect(id).toMatch(UUID);
    expect(apiCalls[0]?.id).not.toBe(apiCalls[1]?.id);
  });

  it("is appended again through a pipeline with the id of the first attempt", async () => {
    const ids: (string | undefined)[] = [];
    const answer = (call: PipelineCall, request: PipelineAppendsRequest) => {
      ids.push(request.append?.apiCalls[0]?.id);
      if (ids.length === 1) call.emit("error", UNAVAILABLE);
      else store(call, request);
    };
    const script = scriptPipeline(answer, answer);
    const pipeline = (await connectToScript(script)).pipeline();

    await pipeline.append("s", { role: "user" }, { apiCalls: [CALL] });

    expect(ids[0]).toMatch(UUID);
    expect(ids).toEqual([ids[0], ids[0]]);
  });

  it("is finished again with the id of the first attempt", async () => {
    const ids: (string | undefined)[] = [];
    const { input } = MessageService.method.writeMessage;
    const keep = (call: WriteCall) => {
      call.on("data", (bytes: Buffer) => {
        const { write } = fromBinary(input, bytes);
        if (write.case === "finish") ids.push(write.value.apiCall?.id);
      });
    };
    const script = scriptWriting((call, write, content) => {
      if (write.case === "finish") call.emit("error", UNAVAILABLE);
      else takeAll(call, write, content);
    }, takeAll);
    const session = await openScripted({
      duplex: (call, attempt) => {
        keep(call);
        script.duplex(call, attempt);
      },
    });

    await session.write(HEADER).finish({ apiCall: CALL });

    expect(ids[0]).toMatch(UUID);
    expect(ids).toEqual([ids[0], ids[0]]);
  });

  it.each([
    ["a status that is none", { ...CALL, status: "done" }, "api_call.status"],
    ["a status of an object's own", { ...CALL, status: "toString" }, "api_call.status"],
    ["a price that is none", { ...CALL, price: "0.01" }, "api_call.price"],
    ["a price without an amount", { ...CALL, price: {} }, "api_call.price.nano_units"],
    ["a time that is none", { ...CALL, createdAt: "now" }, "api_call.created_at"],
    ["a list for a call", [CALL], "api_call"],
  ])("with %s is refused before it is sent", async (_, call, field) => {
    const state = await connectToScript({});

    const recording = state.usage.record(call as unknown as typeof CALL);

    await expect(recording).rejects.toMatchObject({
      code: "invalid_argument",
      violations: [{ field }],
    });
  });

  it("that is refused before it is sent leaves a message to be finished", async () => {
    const session = await openScripted(scriptWriting(takeAll));
    const writer = session.write(HEADER);

    const bad = writer.finish({ apiCall: { ...CALL, price: { amount: "1e9", currency: "USD" } } });

    const violations = [{ field: "finish.api_call.price.nano_units" }];
    await expect(bad).rejects.toMatchObject({ code: "invalid_argument", violations });
    await expect(writer.finish({ apiCall: CALL })).resolves.toMatchObject({ status: "complete" });
  });

  it("of a status that this client does not know is an internal error", async () => {
    const apiCalls = [{ id: "i", model: "m", status: 77, createdAt: { seconds: 1n } }];
    const list = () => encoded(listApiCalls.output, { apiCalls });
    const state = await connectToScript({ unary: { listApiCalls: list } });

    await expect(state.usage.listPage()).rejects.toMatchObject({ code: "internal" });
  });
});

describe("totals", () => {
  it("of money are exact where a number would not be", async () => {
    const costs = [
      { nanoUnits: 2n ** 63n - 1n, currency: "JPY" },
      { nanoUnits: 1n, currency: "USD" },
    ];
    const state = await connectToTotal({ calls: { total: 2n }, costs });

    expect((await state.usage.total()).costs).toEqual([
      { amount: "9223372036.854775807", currency: "JPY" },
      { amount: "0.000000001", currency: "USD" },
    ]);
  });

  it("that a number cannot hold exactly are an internal error", async () => {
    const exact = await connectToTotal({ calls: {}, totalTokens: 2n ** 53n - 1n });
    const inexact = await connectToTotal({ calls: {}, totalTokens: 2n ** 53n });

    await expect(exact.usage.total()).resolves.toMatchObject({ totalTokens: 2 ** 53 - 1 });
    await expect(inexact.usage.total()).rejects.toMatchObject({ code: "internal" });
  });

  it("tell an empty key from none", async () => {
    const groups = [{ calls: {} }, { key: "", calls: {} }];
    const script = () => encoded(getUsage.output, { groups });
    const state = await connectToScript({ unary: { getUsage: script } });

    const page = await state.usage.totalsPage({ groupBy: "model" });

    expect(page.groups.map(({ key }) => key)).toEqual([undefined, ""]);
  });

  it("by what cannot be grouped by are refused before they are asked for", async () => {
    const state = await connectToScript({});

    const totals = state.usage.totalsPage({ groupBy: "week" as "day" });

    await expect(totals).rejects.toMatchObject({
      code: "invalid_argument",
      violations: [{ field: "group_by" }],
    });
  });
});

describe("a purge", () => {
  it("is repeated with the same time", async () => {
    const requests: Buffer[] = [];
    const script = failingOnce(requests, encoded(purgeApiCalls.output, { deletedCount: 3n }));
    const state = await connectToScript({ unary: { purgeApiCalls: script } });

    await expect(state.usage.purge(new Date(1_500))).resolves.toBe(3);

    expect(requests[1]).toEqual(requests[0]);
    const { before } = fromBinary(purgeApiCalls.input, requests[0] ?? Buffer.alloc(0));
    expect(before).toMatchObject({ seconds: 1n, nanos: 500_000_000 });
  });
});
