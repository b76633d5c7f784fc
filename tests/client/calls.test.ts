import { getEventListeners } from "node:events";
import { fromBinary } from "@bufbuild/protobuf";
import { status } from "@grpc/grpc-js";
import { connect, type NewMessage, SessionService } from "@mofa-state/client";
import { MessageService } from "@mofa-state/proto/mofa/state/v1/message_pb.js";
import { describe, expect, it } from "vitest";
import { connectToScript, openScripted, session, type UnaryScript } from "./scripted-server.js";

const UNAVAILABLE = { code: status.UNAVAILABLE, details: "later" };
const NOT_FOUND = { code: status.NOT_FOUND, details: "nothing there" };
const EMPTY = new Uint8Array();
const id = "00000000-0000-7000-8000-000000000001";

function never(): Promise<Uint8Array> {
  return new Promise(() => undefined);
}

describe("a call", () => {
  it("that is unavailable is repeated with the ids of the first attempt", async () => {
    const requests: Buffer[] = [];
    const appendMessages: UnaryScript = ({ request }, attempt) => {
      requests.push(request);
      if (attempt < 3) throw UNAVAILABLE;
      return EMPTY;
    };
    const scripted = await openScripted({ unary: { appendMessages } });

    await scripted.append([{ role: "user", content: "x" }], { agentStates: [{ state: 1 }] });

    expect(requests).toHaveLength(3);
    expect(requests[2]?.equals(requests[0] ?? EMPTY)).toBe(true);
    const { input } = MessageService.method.appendMessages;
    const { messages, agentStates } = fromBinary(input, requests[0] ?? EMPTY);
    expect(messages[0]?.id).toMatch(/^[0-9a-f-]{36}$/);
    expect(agentStates[0]?.id).toMatch(/^[0-9a-f-]{36}$/);
  });

  it("that creates a session is repeated with one id", async () => {
    const ids: (string | undefined)[] = [];
    const createSession: UnaryScript = ({ request }, attempt) => {
      ids.push(fromBinary(SessionService.method.createSession.input, request).session?.id);
      if (attempt < 2) throw UNAVAILABLE;
      return session();
    };
    const state = await connectToScript({ unary: { createSession } });

    const { created } = await state.sessions.open();

    expect(created).toBe(true);
    expect(ids[0]).toMatch(/^[0-9a-f-]{36}$/);
    expect(ids).toEqual([ids[0], ids[0]]);
  });

  it("that cannot be repeated safely is made once", async () => {
    let attempts = 0;
    const clearMessages: UnaryScript = () => {
      attempts += 1;
      throw UNAVAILABLE;
    };
    const scripted = await openScripted({ unary: { clearMessages } });

    await expect(scripted.clear()).rejects.toMatchObject({ code: "unavailable" });
    expect(attempts).toBe(1);
  });

  it("that deletes has succeeded when its own retry finds nothing", async () => {
    const deleteSession: UnaryScript = (_, attempt) => {
      throw attempt === 1 ? UNAVAILABLE : NOT_FOUND;
    };
    const state = await connectToScript({ unary: { deleteSession } });

    await expect(state.sessions.delete(id)).resolves.toBeUndefined();
    await expect(state.sessions.delete(id)).rejects.toMatchObject({ code: "not_found" });
  });

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

  it.each<[string, NewMessage, string]>([
    ["half of a surrogate pair", { role: "user", content: "\ud83d" }, "messages[0].content"],
    ["it in a part", part("\udc00"), "messages[0].parts[0].reasoning.text"],
    [
      "text that is no string",
      { role: "user", content: 5 as unknown as string },
      "messages[0].content",
    ],
  ])("with %s is refused before it is sent", async (_, message, field) => {
    const scripted = await openScripted({});

    await expect(scripted.append(message)).rejects.toMatchObject({
      code: "invalid_argument",
      violations: [{ field }],
    });
  });

  it("with a number that does not fit is refused before it is sent", async () => {
    const scripted = await openScripted({});

    const calls = [
      scripted.append({ role: "user", tokenCount: 2 ** 31 }),
      scripted.append({ role: "user" }, { expectedHeadSequence: 0.5 }),
      scripted.getMessage(id, { timeoutMs: 0 }),
    ];

    for (const call of calls) {
      await expect(call).rejects.toMatchObject({ code: "invalid_argument" });
    }
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

describe("closing", () => {
  it("cancels the calls under way, and refuses later ones", async () => {
    const { promise: arrived, resolve } = withResolvers();
    const getSession = () => {
      resolve();
      return never();
    };
    const state = await connectToScript({ unary: { getSession } });
    const call = state.sessions.get(id);
    await arrived;

    await state.close();
    await state.close();

    await expect(call).rejects.toMatchObject({ code: "cancelled" });
    await expect(state.sessions.get(id)).rejects.toMatchObject({ code: "failed_precondition" });
  });
});

describe("connecting", () => {
  it("where there is no server is unavailable in the end", async () => {
    const call = connect("127.0.0.1:1", { connectTimeoutMs: 50 });

    await expect(call).rejects.toMatchObject({ code: "unavailable" });
  });

  it("is cancelled by its signal", async () => {
    const controller = new AbortController();
    const call = connect("127.0.0.1:1", { signal: controller.signal });

    controller.abort();

    await expect(call).rejects.toMatchObject({ code: "cancelled" });
    expect(getEventListeners(controller.signal, "abort")).toEqual([]);
  });

  it.each([
    ["an empty address", "", {}],
    [
      "certificates that are none",
      "127.0.0.1:1",
      { tls: { rootCertificates: "x", privateKey: "y" } },
    ],
    ["a token that no header can have", "127.0.0.1:1", { token: "a\nb" }],
    ["a timeout of nothing", "127.0.0.1:1", { timeoutMs: 0 }],
    ["a timeout beyond timers", "127.0.0.1:1", { connectTimeoutMs: 2 ** 31 }],
  ])("with %s is refused", async (_, address, options) => {
    await expect(connect(address, options)).rejects.toMatchObject({ code: "invalid_argument" });
  });
});

function part(text: string): NewMessage {
  return { role: "assistant", parts: [{ type: "reasoning", text }] };
}

function withResolvers() {
  let resolve: () => void = () => undefined;
  const promise = new Promise<void>((fulfil) => {
    resolve = fulfil;
  });
  return { promise, resolve };
}
