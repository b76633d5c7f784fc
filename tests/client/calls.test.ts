import { getEventListeners } from "node:events";
import { status } from "@grpc/grpc-js";
import { SessionService } from "@mofa-state/client";
import { describe, expect, it } from "vitest";
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
});
