import { once } from "node:events";
import { status } from "@grpc/grpc-js";
import { describe, expect, it } from "vitest";
import { openScripted } from "../scripted-server.js";
import { batch, caughtUp, type Stream, take } from "../scripted-stream.js";

const UNAVAILABLE = { code: status.UNAVAILABLE, details: "later" };

describe("following", () => {
  it("throws what its user's function throws, and ends", async () => {
    let cancelled: Promise<unknown> = Promise.resolve();
    const stream = (call: Stream) => {
      cancelled = once(call, "cancelled");
      call.write(caughtUp("one"));
    };
    const session = await openScripted({ stream });
    const mistake = new Error("mistake");
    const onCaughtUp = () => {
      throw mistake;
    };

    await expect(take(session, 1, { onCaughtUp })).rejects.toBe(mistake);

    await cancelled;
  });

  it.each([
    status.NOT_FOUND,
    status.INVALID_ARGUMENT,
    status.OUT_OF_RANGE,
    status.PERMISSION_DENIED,
    status.INTERNAL,
  ])("ends with an error of status %i", async (code) => {
    let attempts = 0;
    const stream = (call: Stream) => {
      attempts += 1;
      call.emit("error", { code, details: "no" });
    };
    const session = await openScripted({ stream });

    await expect(take(session, 1)).rejects.toMatchObject({ message: "no" });
    expect(attempts).toBe(1);
  });

  it("is cancelled on the server when its loop is left", async () => {
    let cancelled: Promise<unknown> = Promise.resolve();
    const stream = (call: Stream) => {
      cancelled = once(call, "cancelled");
      call.write(batch("one", 1, 2));
    };
    const session = await openScripted({ stream });

    await take(session, 1);

    await cancelled;
  });

  it("ends when it is told to while its next event is waited for", async () => {
    let cancelled: Promise<unknown> = Promise.resolve();
    const stream = (call: Stream) => {
      cancelled = once(call, "cancelled");
      call.write(batch("one", 1));
    };
    const session = await openScripted({ stream });
    const events = session.follow({ signal: new AbortController().signal });
    await events.next();

    const waiting = events.next();
    const done = { done: true, value: undefined };

    await expect(events.return()).resolves.toEqual(done);
    await expect(waiting).resolves.toEqual(done);
    await expect(events.next()).resolves.toEqual(done);
    await cancelled;
  });

  it("is cancelled by its signal while it waits, here and on the server", async () => {
    const controller = new AbortController();
    let cancelled: Promise<unknown> = Promise.resolve();
    const stream = (call: Stream) => {
      cancelled = once(call, "cancelled");
      call.write(caughtUp("one"));
    };
    const session = await openScripted({ stream });

    const onCaughtUp = () => controller.abort("enough");
    const following = take(session, 1, { signal: controller.signal, onCaughtUp });

    await expect(following).rejects.toMatchObject({ code: "cancelled", cause: "enough" });
    await cancelled;
  });

  it("is cancelled by its signal in the pause before it is resumed", async () => {
    const controller = new AbortController();
    const stream = (call: Stream) => {
      call.emit("error", UNAVAILABLE);
      controller.abort("enough");
    };
    const retry = { initialBackoffMs: 86_400_000, maxBackoffMs: 86_400_000 };
    const session = await openScripted({ stream }, { retry });

    const following = take(session, 1, { signal: controller.signal });

    await expect(following).rejects.toMatchObject({ code: "cancelled" });
  });

  it("gives up where it was told to", async () => {
    const silent = await openScripted({ stream: () => undefined });
    const broken = await openScripted({ stream: (call) => call.emit("error", UNAVAILABLE) });

    const options = { timeoutMs: 500 };

    await expect(take(silent, 1, options)).rejects.toMatchObject({ code: "deadline_exceeded" });
    await expect(take(broken, 1, options)).rejects.toMatchObject({ code: "unavailable" });
  });
});
