import { getEventListeners, once } from "node:events";
import { fromBinary } from "@bufbuild/protobuf";
import { status } from "@grpc/grpc-js";
import { MessageService, SessionService } from "@mofa-state/client";
import { describe, expect, it } from "vitest";
import { collect } from "../support/collect.js";
import { type PipelineCall, store } from "./scripted-pipeline.js";
import { connectToScript, never, session, type UnaryScript } from "./scripted-server.js";

const UNAVAILABLE = { code: status.UNAVAILABLE, details: "later" };
const EMPTY = new Uint8Array();
const id = "00000000-0000-7000-8000-000000000001";

describe("a call", () => {
  it("ends at its deadline", async () => {
    const state = await connectToScript({ unary: { getSession: never } });

    const call = state.sessions.get(id, { timeoutMs: 50 });

    await expect(call).rejects.toMatchObject({ code: "deadline_exceeded" });
  });

  it("ends at the deadline of the connection where it has none", async () => {
    const state = await connectToScript({ unary: { getSession: never } }, { timeoutMs: 50 });

    await expect(state.sessions.get(id)).rejects.toMatchObject({ code: "deadline_exceeded" });
  });

  it("is cancelled by its signal, and lets go of it", async () => {
    const controller = new AbortController();
    const getSession = () => {
      controller.abort("enough");
      return never();
    };
    const state = await connectToScript({ unary: { getSession } });

    const call = state.sessions.get(id, { signal: controller.signal });

    await expect(call).rejects.toMatchObject({ code: "cancelled", cause: "enough" });
    expect(getEventListeners(controller.signal, "abort")).toEqual([]);
  });

  it("with a signal that was aborted before is never made", async () => {
    let attempts = 0;
    const getSession = () => {
      attempts += 1;
      return session();
    };
    const state = await connectToScript({ unary: { getSession } });

    const call = state.sessions.get(id, { signal: AbortSignal.abort() });

    await expect(call).rejects.toMatchObject({ code: "cancelled" });
    await state.sessions.get(id);
    expect(attempts).toBe(1);
  });

  it("that succeeds lets go of its signal", async () => {
    const { signal } = new AbortController();
    const state = await connectToScript({ unary: { getSession: session } });

    await state.sessions.get(id, { signal });

    expect(getEventListeners(signal, "abort")).toEqual([]);
  });

  it("carries tenant and token", async () => {
    const seen: unknown[] = [];
    const getSession: UnaryScript = ({ metadata }) => {
      seen.push(metadata.get("x-tenant-id"), metadata.get("authorization"));
      return session();
    };
    const state = await connectToScript({ unary: { getSession } }, { tenantId: id, token: "t" });

    await state.sessions.get(id);

    expect(seen).toEqual([[id], ["Bearer t"]]);
  });

  it.each([
    ["malformed", Buffer.from([255, 255, 255])],
    ["empty", EMPTY],
  ])("whose answer is %s is an internal error", async (_, bytes) => {
    const state = await connectToScript({ unary: { getSession: () => bytes } });

    await expect(state.sessions.get(id)).rejects.toMatchObject({ code: "internal" });
  });

  it("that the server does not know is unimplemented", async () => {
    const state = await connectToScript({});

    await expect(state.sessions.get(id)).rejects.toMatchObject({ code: "unimplemented" });
  });
});

describe("a low-level client", () => {
  it("speaks the generated types, and repeats nothing", async () => {
    const getSession: UnaryScript = (_, attempt) => {
      if (attempt === 1) throw UNAVAILABLE;
      return session();
    };
    const state = await connectToScript({ unary: { getSession } });
    const sessions = state.lowLevel(SessionService);
    const request = { session: { case: "sessionId", value: id } } as const;

    await expect(sessions.getSession(request)).rejects.toMatchObject({ code: "unavailable" });
    const response = await sessions.getSession(request);

    expect(response.session?.createdAt?.seconds).toBe(1n);
  });

  describe("of a method with streams both ways", () => {
    const { input } = MessageService.method.pipelineAppends;
    const echo = (call: PipelineCall) => {
      call.on("data", (bytes: Buffer) => store(call, fromBinary(input, bytes)));
      call.on("end", () => call.end());
    };

    async function* requests(count: number) {
      for (let request = 1; request <= count; request += 1) yield { requestId: `${request}` };
    }

    it("sends the requests as they come, and ends with them", async () => {
      const state = await connectToScript({ duplex: echo });

      const answers = await collect(state.lowLevel(MessageService).pipelineAppends(requests(100)));

      expect(answers.map(({ requestId }) => Number(requestId))).toEqual(
        Array.from({ length: 100 }, (_, index) => index + 1),
      );
    });

    it("ends with the error of its requests, here and on the server", async () => {
      let cancelled: Promise<unknown> = Promise.resolve();
      const mistake = new Error("mistake");
      const duplex = (call: PipelineCall) => {
        cancelled = once(call, "cancelled");
        echo(call);
      };
      async function* failing() {
        yield* requests(1);
        throw mistake;
      }
      const state = await connectToScript({ duplex });

      const answers = collect(state.lowLevel(MessageService).pipelineAppends(failing()));

      await expect(answers).rejects.toMatchObject({ code: "internal", cause: mistake });
      await cancelled;
    });

    it("ends with the server's error, though its requests have no end", async () => {
      const duplex = (call: PipelineCall) => call.emit("error", UNAVAILABLE);
      async function* endless() {
        yield* requests(1);
        await never();
      }
      const state = await connectToScript({ duplex });

      const answers = collect(state.lowLevel(MessageService).pipelineAppends(endless()));

      await expect(answers).rejects.toMatchObject({ code: "unavailable" });
    });

    it("is cancelled on the server when its loop is left", async () => {
      let cancelled: Promise<unknown> = Promise.resolve();
      const duplex = (call: PipelineCall) => {
        cancelled = once(call, "cancelled");
        echo(call);
      };
      const state = await connectToScript({ duplex });

      for await (const _ of state.lowLevel(MessageService).pipelineAppends(requests(5))) break;

      await cancelled;
    });

    it("waits without a limit, unless it is given one", async () => {
      const options = { timeoutMs: 50 };
      const state = await connectToScript({ duplex: () => undefined }, options);
      const { pipelineAppends } = state.lowLevel(MessageService);

      const limited = collect(pipelineAppends(requests(1), options));
      const unlimited = pipelineAppends(requests(1)).next();

      await expect(limited).rejects.toMatchObject({ code: "deadline_exceeded" });
      await state.close();
      await expect(unlimited).rejects.toMatchObject({ code: "cancelled" });
    });
  });
});
