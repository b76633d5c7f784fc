import { once } from "node:events";
import { setImmediate } from "node:timers/promises";
import { status } from "@grpc/grpc-js";
import type { AppendPipeline, PipelineOptions } from "@mofa-state/client";
import type { PipelineAppendsRequest } from "@mofa-state/proto/mofa/state/v1/message_pb.js";
import { describe, expect, it } from "vitest";
import {
  content,
  type PipelineCall,
  refuse,
  type ScriptedPipeline,
  scriptPipeline,
  store,
} from "./scripted-pipeline.js";
import { connectToScript } from "./scripted-server.js";

const UNAVAILABLE = { code: status.UNAVAILABLE, details: "later" };
const SESSION = "00000000-0000-7000-8000-000000000001";

async function open(script: Pick<ScriptedPipeline, "duplex">, options?: PipelineOptions) {
  const state = await connectToScript(script);
  return state.pipeline(options);
}

function append(pipeline: AppendPipeline, ...contents: readonly string[]) {
  return contents.map((text) => pipeline.append(SESSION, { role: "user", content: text }));
}

async function arrived({ contents }: ScriptedPipeline, count: number): Promise<void> {
  while (contents.flat().length < count) await setImmediate();
}

describe("a pipeline", () => {
  it("sends appends in order without waiting, and matches the answers by their ids", async () => {
    const held: PipelineAppendsRequest[] = [];
    const script = scriptPipeline((call, request) => {
      held.unshift(request);
      if (held.length < 3) return;
      for (const each of held) {
        if (content(each.append) === "b") refuse(call, each, status.ABORTED);
        else store(call, each);
      }
    });
    const pipeline = await open(script);

    const results = await Promise.allSettled(append(pipeline, "a", "b", "c"));

    expect(script.contents).toEqual([["a", "b", "c"]]);
    expect(results).toMatchObject([
      { value: { headSequence: 1, revision: 2 } },
      { reason: { code: "aborted", message: "no" } },
      { value: { headSequence: 1, revision: 2 } },
    ]);
  });

  it("sends no more than its window, and the rest as answers come", async () => {
    const held: (() => void)[] = [];
    const script = scriptPipeline((call, request) => held.push(() => store(call, request)));
    const pipeline = await open(script, { maxInFlight: 2 });

    const appends = append(pipeline, "a", "b", "c", "d");
    await arrived(script, 2);
    for (let turns = 0; turns < 50; turns += 1) await setImmediate();
    const first = script.contents.flat();
    held.shift()?.();
    await appends[0];
    await arrived(script, 3);

    expect(first).toEqual(["a", "b"]);
    expect(script.contents).toEqual([["a", "b", "c"]]);
  });

  it.each([
    ["is lost", (call: PipelineCall) => call.emit("error", UNAVAILABLE)],
    ["the server ends", (call: PipelineCall) => call.end()],
    [
      "the server cancels",
      (call: PipelineCall) => call.emit("error", { code: status.CANCELLED, details: "" }),
    ],
  ])("whose stream %s sends again what is not answered, in order", async (_, end) => {
    const script = scriptPipeline((call, request) => {
      if (content(request.append) === "b") store(call, request);
      if (content(request.append) === "d") end(call);
    }, store);
    const pipeline = await open(script, { maxInFlight: 4 });

    const appends = append(pipeline, "a", "b", "c", "d", "e");
    await Promise.all(appends);

    const [first = [], second = []] = script.ids;
    expect(script.contents[1]).toEqual(["a", "c", "d", "e"]);
    expect(second.slice(0, 3)).toEqual([first[0], first[2], first[3]]);
  });

  it("fails the one append that makes the server end the stream", async () => {
    const end = (call: PipelineCall, request: PipelineAppendsRequest) => {
      const isBad = content(request.append).startsWith("bad");
      if (isBad) call.emit("error", { code: status.RESOURCE_EXHAUSTED, details: "too large" });
      else store(call, request);
    };
    const script = scriptPipeline(...Array(10).fill(end));
    const pipeline = await open(script);

    const results = await Promise.allSettled(append(pipeline, "a", "bad 1", "b", "bad 2", "c"));

    expect(results.map(({ status: outcome }) => outcome)).toEqual([
      "fulfilled",
      "rejected",
      "fulfilled",
      "rejected",
      "fulfilled",
    ]);
    expect(results[1]).toMatchObject({ reason: { code: "resource_exhausted" } });
  });

  it("gives up what is not answered in time, and goes on with later appends", async () => {
    const script = scriptPipeline(() => undefined, store);
    const pipeline = await open(script, { timeoutMs: 500 });

    const late = append(pipeline, "a", "b");
    const results = await Promise.allSettled(late);
    const [next] = append(pipeline, "c");

    expect(results).toMatchObject(Array(2).fill({ reason: { code: "deadline_exceeded" } }));
    await expect(next).resolves.toMatchObject({ revision: 2 });
    expect(script.contents).toEqual([["a", "b"], ["c"]]);
  });

  it("opens a new stream for the next append after one that broke while it was idle", async () => {
    let lose = () => undefined as unknown;
    const script = scriptPipeline((call, request) => {
      lose = () => call.emit("error", UNAVAILABLE);
      store(call, request);
    }, store);
    const pipeline = await open(script);
    await Promise.all(append(pipeline, "a"));

    lose();
    await Promise.all(append(pipeline, "b"));

    expect(script.contents).toContainEqual(["b"]);
  });

  it("waits for all answers when it is closed, and takes no more", async () => {
    const held: (() => void)[] = [];
    const script = scriptPipeline((call, request) => held.push(() => store(call, request)));
    const pipeline = await open(script);
    const appends = append(pipeline, "a", "b");
    let isClosed = false;

    const closing = pipeline.close().then(() => {
      isClosed = true;
    });
    await arrived(script, 2);
    const wasClosed = isClosed;
    for (const answer of held) answer();
    await Promise.all([closing, pipeline.close(), ...appends]);

    expect(wasClosed).toBe(false);
    await expect(append(pipeline, "c")[0]).rejects.toMatchObject({ code: "failed_precondition" });
  });

  it("that was never used is closed at once", async () => {
    const script = scriptPipeline();
    const pipeline = await open(script);

    await pipeline.close();

    expect(script.contents).toEqual([]);
  });

  it("is cancelled by its signal, here and on the server", async () => {
    const controller = new AbortController();
    let cancelled: Promise<unknown> = Promise.resolve();
    const script = scriptPipeline((call) => {
      cancelled = once(call, "cancelled");
    });
    const pipeline = await open(script, { signal: controller.signal });
    const [first] = append(pipeline, "a");
    await arrived(script, 1);

    controller.abort("enough");

    const refused = { code: "cancelled", cause: "enough" };
    await expect(first).rejects.toMatchObject(refused);
    await expect(append(pipeline, "b")[0]).rejects.toMatchObject(refused);
    await cancelled;
  });

  it("that nobody waits for ends no process", async () => {
    const script = scriptPipeline((call, request) => refuse(call, request, status.NOT_FOUND));
    const pipeline = await open(script);

    append(pipeline, "a", "\ud800");
    await pipeline.close();

    expect(script.contents).toEqual([["a"]]);
  });

  it("ends with its connection", async () => {
    const script = scriptPipeline();
    const state = await connectToScript(script);
    const pipeline = state.pipeline();
    const [first] = append(pipeline, "a");
    await arrived(script, 1);

    await state.close();

    await expect(first).rejects.toMatchObject({ code: "cancelled" });
    await expect(append(pipeline, "b")[0]).rejects.toMatchObject({ code: "failed_precondition" });
  });

  it.each([0, 1.5, "2"])("takes no window of %j", async (maxInFlight) => {
    const state = await connectToScript({});

    expect(() => state.pipeline({ maxInFlight: maxInFlight as number })).toThrow("maxInFlight");
  });
});
