import { fromBinary } from "@bufbuild/protobuf";
import { status } from "@grpc/grpc-js";
import { type Session, SessionService, type UpdateOptions } from "@mofa-state/client";
import { MessageService } from "@mofa-state/proto/mofa/state/v1/message_pb.js";
import { describe, expect, it } from "vitest";
import {
  connectToScript,
  never,
  opened,
  openScripted,
  session,
  type UnaryScript,
} from "./scripted-server.js";

const UNAVAILABLE = { code: status.UNAVAILABLE, details: "later" };
const CONFLICT = { code: status.ABORTED, details: "another version" };
const NOT_FOUND = { code: status.NOT_FOUND, details: "nothing there" };
const EMPTY = new Uint8Array();
const id = "00000000-0000-7000-8000-000000000001";

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

    await state.sessions.create();

    expect(ids[0]).toMatch(/^[0-9a-f-]{36}$/);
    expect(ids).toEqual([ids[0], ids[0]]);
  });

  it("that forks a session is repeated with one id", async () => {
    const ids: (string | undefined)[] = [];
    const forkSession: UnaryScript = ({ request }, attempt) => {
      ids.push(fromBinary(SessionService.method.forkSession.input, request).session?.id);
      if (attempt < 2) throw UNAVAILABLE;
      return session();
    };
    const scripted = await openScripted({ unary: { forkSession } });

    await scripted.fork({ at: 0 });

    expect(ids[0]).toMatch(/^[0-9a-f-]{36}$/);
    expect(ids).toEqual([ids[0], ids[0]]);
  });

  it.each([{}, { key: "k" }])(
    "that opens %j knows what its lost attempt created",
    async (input) => {
      const ids: (string | undefined)[] = [];
      const openSession: UnaryScript = (call, attempt) => {
        ids.push(fromBinary(SessionService.method.openSession.input, call.request).session?.id);
        // The first attempt did its work, and its answer was lost.
        if (attempt === 1) throw UNAVAILABLE;
        return opened(call, false);
      };
      const state = await connectToScript({ unary: { openSession } });

      const session = await state.sessions.open(input);

      expect(session.created).toBe(true);
      expect(ids).toEqual([session.id, session.id]);
    },
  );

  it("that opens what somebody else has created tells so", async () => {
    const state = await connectToScript({ unary: { openSession: session } });

    await expect(state.sessions.open({ key: "k" })).resolves.toMatchObject({ id, created: false });
  });

  it("that opens a given id tells what the server does", async () => {
    const openSession: UnaryScript = (call) => opened(call, false);
    const state = await connectToScript({ unary: { openSession } });

    await expect(state.sessions.open({ id })).resolves.toMatchObject({ id, created: false });
  });

  it.each<[string, (scripted: Session) => Promise<unknown>]>([
    ["clearMessages", (scripted) => scripted.clear()],
    ["updateSession", (scripted) => scripted.update({ title: "t" })],
    ["updateMessage", (scripted) => scripted.updateMessage(id, { content: "c" })],
    ["deleteAgentState", (scripted) => scripted.state.delete()],
  ])("of %s is made once, since repeating it could undo the work of others", async (name, call) => {
    let attempts = 0;
    const script = () => {
      attempts += 1;
      throw UNAVAILABLE;
    };
    const scripted = await openScripted({ unary: { [name]: script } });

    await expect(call(scripted)).rejects.toMatchObject({ code: "unavailable" });
    expect(attempts).toBe(1);
  });

  it.each<[string, (scripted: Session, options: UpdateOptions) => Promise<unknown>]>([
    ["updateSession", (scripted, options) => scripted.update({ title: "t" }, options)],
    ["updateMessage", (scripted, options) => scripted.updateMessage(id, { content: "c" }, options)],
    ["deleteAgentState", (scripted, options) => scripted.state.delete(options)],
  ])("of %s is repeated where it expects a version", async (name, call) => {
    const script = (_: unknown, attempt: number) => {
      throw attempt < 3 ? UNAVAILABLE : CONFLICT;
    };
    const scripted = await openScripted({ unary: { [name]: script } });

    await expect(call(scripted, { expectedVersion: 1 })).rejects.toMatchObject({ code: "aborted" });
  });

  it("is repeated as often as it takes", async () => {
    const getSession: UnaryScript = (_, attempt) => {
      if (attempt < 30) throw UNAVAILABLE;
      return session();
    };
    const state = await connectToScript({ unary: { getSession } });

    await expect(state.sessions.get(id)).resolves.toMatchObject({ id });
  });

  it("is unavailable when its deadline ends the retries", async () => {
    const getSession = () => {
      throw UNAVAILABLE;
    };
    const state = await connectToScript({ unary: { getSession } });

    const call = state.sessions.get(id, { timeoutMs: 500 });

    await expect(call).rejects.toMatchObject({ code: "unavailable" });
  });

  it("is unavailable when its deadline ends a retry that has no answer", async () => {
    const getSession = (_: unknown, attempt: number) => {
      if (attempt === 1) throw UNAVAILABLE;
      return never();
    };
    const state = await connectToScript({ unary: { getSession } });

    const call = state.sessions.get(id, { timeoutMs: 500 });

    await expect(call).rejects.toMatchObject({ code: "unavailable" });
  });

  it("is tried as often as the options say", async () => {
    let attempts = 0;
    const getSession = () => {
      attempts += 1;
      throw UNAVAILABLE;
    };
    const state = await connectToScript({ unary: { getSession } }, { retry: { maxAttempts: 2 } });

    await expect(state.sessions.get(id)).rejects.toMatchObject({ code: "unavailable" });
    expect(attempts).toBe(2);
  });

  it("that deletes has succeeded when its own retry finds nothing", async () => {
    const deleteSession: UnaryScript = (_, attempt) => {
      throw attempt === 1 ? UNAVAILABLE : NOT_FOUND;
    };
    const state = await connectToScript({ unary: { deleteSession } });

    await expect(state.sessions.delete(id)).resolves.toBeUndefined();
    await expect(state.sessions.delete(id)).rejects.toMatchObject({ code: "not_found" });
  });
});
