import { type ServerWritableStream, status } from "@grpc/grpc-js";
import { describe, expect, it } from "vitest";
import { connectToScript, never, session } from "./scripted-server.js";

const id = "00000000-0000-7000-8000-000000000001";
const DAY_MS = 86_400_000;
const UNAVAILABLE = { code: status.UNAVAILABLE, details: "later" };

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

  it("ends a call in its pause before a retry at once", async () => {
    const { promise: failed, resolve } = withResolvers();
    const getSession = (_: unknown, attempt: number) => {
      resolve();
      if (attempt === 1) throw UNAVAILABLE;
      return session();
    };
    const retry = { initialBackoffMs: DAY_MS, maxBackoffMs: DAY_MS };
    const options = { retry, timeoutMs: 2 * DAY_MS };
    const state = await connectToScript({ unary: { getSession } }, options);
    const call = state.sessions.get(id);
    await failed;
    // Its answer comes after the failure, by the order of the connection.
    await state.sessions.get(id);

    await state.close();

    await expect(call).rejects.toMatchObject({ code: "cancelled" });
  });

  it("ends a stream in its pause before it is resumed at once", async () => {
    const { promise: failed, resolve } = withResolvers();
    const stream = (call: ServerWritableStream<Buffer, Buffer>) => {
      call.emit("error", UNAVAILABLE);
      resolve();
    };
    const retry = { initialBackoffMs: DAY_MS, maxBackoffMs: DAY_MS };
    const options = { retry, timeoutMs: 2 * DAY_MS };
    const state = await connectToScript({ unary: { getSession: session }, stream }, options);
    const scripted = await state.sessions.get(id);
    const reading = scripted.messages().next();
    await failed;
    await scripted.refresh();

    await state.close();

    await expect(reading).rejects.toMatchObject({ code: "cancelled" });
  });
});

function withResolvers() {
  let resolve: () => void = () => undefined;
  const promise = new Promise<void>((fulfil) => {
    resolve = fulfil;
  });
  return { promise, resolve };
}
