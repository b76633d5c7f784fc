import { once } from "node:events";
import { setImmediate } from "node:timers/promises";
import { status } from "@grpc/grpc-js";
import type { Part } from "@mofa-state/client";
import { describe, expect, it } from "vitest";
import { openScripted } from "../scripted-server.js";
import {
  acknowledge,
  durable,
  finished,
  HEADER,
  refusal,
  scriptWriting,
  takeAll,
} from "../scripted-writing.js";

describe("a writer", () => {
  it.each([
    [status.ABORTED, "WRITER_ACTIVE", "aborted"],
    [status.ALREADY_EXISTS, "ID_REUSED", "already_exists"],
    [status.NOT_FOUND, "SESSION_DELETED", "not_found"],
  ])("that is refused with status %i %s says so", async (code, reason, word) => {
    const script = scriptWriting((call) => call.emit("error", refusal(code, reason)));
    const session = await openScripted(script);

    const reply = session.write(HEADER);

    const refused = { code: word, reason };
    await expect(reply.opened).rejects.toMatchObject(refused);
    await expect(reply.write("x")).rejects.toMatchObject(refused);
    await expect(reply.finish()).rejects.toMatchObject(refused);
    expect(script.starts).toHaveLength(1);
  });

  it("that is replaced fails where it waits", async () => {
    const script = scriptWriting((call, write) => {
      if (write.case === "start") acknowledge(call, 0);
      else call.emit("error", refusal(status.ABORTED, "WRITER_REPLACED"));
    });
    const session = await openScripted(script);
    const reply = session.write(HEADER);
    await reply.opened;

    const writing = reply.write("x".repeat(300 * 1024));

    await expect(writing).rejects.toMatchObject({ reason: "WRITER_REPLACED" });
  });

  it("that nobody waits for ends no process", async () => {
    const script = scriptWriting((call) => call.emit("error", refusal(status.ABORTED, "NO")));
    const session = await openScripted(script);
    const reply = session.write(HEADER);

    void reply.write("x");
    await reply.opened.catch(() => undefined);
    void reply.write("\ud800x");
    void reply.finish();
    void reply.interrupt();
    await setImmediate();

    await expect(reply.write("y")).rejects.toMatchObject({ reason: "NO" });
  });

  it("is told when an answer takes too long", async () => {
    const script = scriptWriting((call, write) => {
      if (write.case === "start") acknowledge(call, 0);
    });
    const session = await openScripted(script);
    const reply = session.write(HEADER, { timeoutMs: 500 });
    await reply.opened;

    await expect(reply.finish()).rejects.toMatchObject({ code: "deadline_exceeded" });
  });

  it("may take its time between two pieces", async () => {
    const script = scriptWriting((call, write, written) => {
      takeAll(call, write, written);
      if (write.case === "delta") acknowledge(call, 1);
    });
    const session = await openScripted(script);
    const reply = session.write(HEADER, { timeoutMs: 500 });
    await reply.write("a");
    await durable(reply, 1);

    const start = performance.now();
    while (performance.now() < start + 700) await setImmediate();

    await reply.write("b");
    await reply.finish();
    expect(script.sent).toEqual([["0:a", "1:b", "finish:COMPLETE", "end"]]);
  });

  it("is told when the message does not come, though all of it is durable", async () => {
    const script = scriptWriting((call, write) => {
      if (write.case === "start") acknowledge(call, 0);
      if (write.case === "finish") acknowledge(call, 1);
    });
    const session = await openScripted(script);
    const reply = session.write(HEADER, { timeoutMs: 500 });

    await reply.write("a");

    await expect(reply.finish()).rejects.toMatchObject({ code: "deadline_exceeded" });
  });

  it("is cancelled by its signal, here and on the server", async () => {
    const controller = new AbortController();
    let cancelled: Promise<unknown> = Promise.resolve();
    const script = scriptWriting((call) => {
      cancelled = once(call, "cancelled");
      acknowledge(call, 0);
    });
    const session = await openScripted(script);
    const reply = session.write(HEADER, { signal: controller.signal });
    await reply.opened;

    controller.abort("enough");

    await expect(reply.finish()).rejects.toMatchObject({ code: "cancelled", cause: "enough" });
    await cancelled;
  });

  it("of a message that is finished gets it, and can add nothing", async () => {
    const script = scriptWriting(
      (call) => finished(call, { content: "é" }),
      (call) => finished(call, { content: "é" }),
    );
    const session = await openScripted(script);
    const part: Part = { type: "data", data: 1 };

    const reader = session.write({ ...HEADER, id: "m" });
    const writer = session.write({ ...HEADER, id: "m" });
    void writer.write(part);

    const start = { sequence: 7, offset: 2, partCount: 0, message: { content: "é" } };
    await expect(reader.opened).resolves.toMatchObject(start);
    await expect(reader.finish()).resolves.toMatchObject({ content: "é" });
    await expect(reader.write("x")).rejects.toMatchObject({ code: "failed_precondition" });
    await expect(writer.finish()).rejects.toMatchObject({ code: "failed_precondition" });
  });

  it("with a header that cannot be sent is refused at once", async () => {
    const session = await openScripted({});

    expect(() => session.write({ role: "nobody" as "user" })).toThrow("start.message.role");
    expect(() => session.write(HEADER, { timeoutMs: 0 })).toThrow("timeoutMs");
  });
});
