import { status } from "@grpc/grpc-js";
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
  type WriteCall,
} from "../scripted-writing.js";

const UNAVAILABLE = { code: status.UNAVAILABLE, details: "later" };

describe("a writer whose connection breaks", () => {
  const break_ = (call: WriteCall) => call.emit("error", UNAVAILABLE);

  it("before its start is answered starts again with the same ids", async () => {
    const script = scriptWriting(break_, break_, takeAll);
    const session = await openScripted(script);

    const reply = session.write(HEADER);
    await reply.write("Hello");
    await reply.finish();

    expect(script.starts).toHaveLength(3);
    expect(script.starts).toEqual(Array(3).fill(script.starts[0]));
    expect(script.starts[0]?.writerId).toMatch(/^[0-9a-f-]{36}$/);
    expect(script.sent).toEqual([[], [], ["0:Hello", "finish:COMPLETE", "end"]]);
  });

  it("sends again what was not acknowledged, and nothing else", async () => {
    let lose = () => undefined as unknown;
    const script = scriptWriting(
      (call, write) => {
        lose = () => break_(call);
        if (write.case === "start") acknowledge(call, 0);
        else acknowledge(call, 4);
      },
      (call, write, written) => {
        if (write.case === "start") acknowledge(call, 6);
        if (write.case === "finish") finished(call, written);
      },
    );
    const session = await openScripted(script);
    const reply = session.write(HEADER);
    await reply.opened;

    await reply.write("Héllo");
    await durable(reply, 4);
    lose();
    await reply.write(" world");
    await reply.finish();

    expect(script.sent).toEqual([["0:Héllo"], ["6: world", "finish:COMPLETE", "end"]]);
  });

  it("cuts a piece of which a part was stored", async () => {
    const script = scriptWriting(
      (call, write) => {
        if (write.case === "start") acknowledge(call, 10, 1);
        else break_(call);
      },
      (call, write, written) => {
        if (write.case === "start") acknowledge(call, 13, 1);
        else takeAll(call, write, written);
      },
    );
    const session = await openScripted(script);
    const reply = session.write(HEADER);
    await reply.opened;

    await reply.write("Héllo");
    await reply.write({ type: "data", data: 1 });
    await reply.finish();

    expect(script.sent[1]).toEqual(["13:llo", "part:1", "finish:COMPLETE", "end"]);
  });

  it.each([
    ["ended by the server with OK", (call: WriteCall) => call.end()],
    ["cancelled by the server", (call: WriteCall) => call.emit("error", { code: 1, details: "" })],
    [
      "ended since the lease ran out",
      (call: WriteCall) => call.emit("error", refusal(status.ABORTED, "WRITE_INTERRUPTED")),
    ],
  ])("goes on after a call that was %s", async (_, end) => {
    const script = scriptWriting((call, write) => {
      if (write.case === "start") acknowledge(call, 0);
      else end(call);
    }, takeAll);
    const session = await openScripted(script);
    const reply = session.write(HEADER);
    await reply.opened;

    await reply.write("Hello");
    await reply.finish();

    expect(script.sent[1]).toEqual(["0:Hello", "finish:COMPLETE", "end"]);
  });

  it("after its end was stored has the message as the answer", async () => {
    const script = scriptWriting(
      (call, write) => {
        if (write.case === "start") acknowledge(call, 0);
        if (write.case === "finish") break_(call);
      },
      (call) => finished(call, { content: "Hello" }),
    );
    const session = await openScripted(script);
    const reply = session.write(HEADER);

    await reply.write("Hello");
    const message = await reply.finish();

    expect(message).toMatchObject({ content: "Hello", status: "complete" });
    expect(script.sent[1]).not.toContain("finish:COMPLETE");
  });

  it("after its interruption was stored interrupts it again", async () => {
    const script = scriptWriting(
      (call, write) => {
        if (write.case === "start") acknowledge(call, 0);
        if (write.case === "finish") break_(call);
      },
      (call, write) => {
        if (write.case === "start") acknowledge(call, 5);
        if (write.case === "finish") finished(call, { content: "Hello", isInterrupted: true });
      },
    );
    const session = await openScripted(script);
    const reply = session.write(HEADER);

    await reply.write("Hello");

    await expect(reply.interrupt()).resolves.toMatchObject({ status: "interrupted" });
    expect(script.sent[1]).toEqual(["finish:INTERRUPTED", "end"]);
  });

  it("after its end was sent ends it as it was told first", async () => {
    const script = scriptWriting((call, write) => {
      if (write.case === "start") acknowledge(call, 0);
      if (write.case === "finish") break_(call);
    }, takeAll);
    const session = await openScripted(script);
    const reply = session.write(HEADER);

    void reply.finish();
    await reply.interrupt();

    expect(script.sent[1]).toEqual(["finish:COMPLETE", "end"]);
  });

  it.each([
    ["less than it had", 3],
    ["more than was written", 9],
  ])("is refused by a server that has %s", async (_, offset) => {
    const script = scriptWriting(
      (call, write) => {
        if (write.case === "start") acknowledge(call, 0);
        else acknowledge(call, 5);
        if (write.case === "finish") break_(call);
      },
      (call) => acknowledge(call, offset),
    );
    const session = await openScripted(script);
    const reply = session.write(HEADER);
    await reply.write("Hello");
    await durable(reply, 5);

    await expect(reply.finish()).rejects.toMatchObject({
      code: "aborted",
      reason: "OFFSET_MISMATCH",
      metadata: { expected: "5", actual: String(offset) },
    });
  });

  it("gives up when it cannot connect again in time", async () => {
    const session = await openScripted({ duplex: break_ });

    const reply = session.write(HEADER, { timeoutMs: 500 });

    await expect(reply.opened).rejects.toMatchObject({ code: "unavailable" });
    await expect(reply.write("x")).rejects.toMatchObject({ code: "unavailable" });
    await expect(reply.finish()).rejects.toMatchObject({ code: "unavailable" });
  });
});
