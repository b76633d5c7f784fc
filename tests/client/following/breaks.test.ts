import { status } from "@grpc/grpc-js";
import type { StreamMessagesRequest } from "@mofa-state/proto/mofa/state/v1/message_pb.js";
import { describe, expect, it } from "vitest";
import { openScripted } from "../scripted-server.js";
import { batch, caughtUp, heartbeat, request, type Stream, take } from "../scripted-stream.js";

const UNAVAILABLE = { code: status.UNAVAILABLE, details: "later" };

describe("following", () => {
  it.each([
    ["is lost", (call: Stream) => call.emit("error", UNAVAILABLE)],
    ["the server ends with OK", (call: Stream) => call.end()],
    [
      "the server cancels",
      (call: Stream) => call.emit("error", { code: status.CANCELLED, details: "forced" }),
    ],
  ])("goes on after a stream that %s, behind the last frame that it was given", async (_, end) => {
    const starts: StreamMessagesRequest["start"][] = [];
    const stream = (call: Stream, attempt: number) => {
      starts.push(request(call).start);
      if (attempt === 1) call.write(batch("one", 1, 2));
      else if (attempt === 3) call.write(heartbeat("beat"));
      else if (attempt === 4) call.write(caughtUp("there"));
      if (attempt === 5) call.write(batch("two", 3));
      else end(call);
    };
    const session = await openScripted({ stream });

    const events = await take(session, 3, { last: 2 });

    expect(events).toMatchObject([1, 2, 3].map((sequence) => ({ message: { sequence } })));
    const behind = (value: string) => ({ case: "resumeToken", value });
    const last = { case: "lastMessages", value: 2 };
    expect(starts).toEqual([last, behind("one"), behind("one"), behind("beat"), behind("there")]);
  });

  it("starts at the last messages again if it was given none", async () => {
    const starts: StreamMessagesRequest["start"][] = [];
    const stream = (call: Stream, attempt: number) => {
      starts.push(request(call).start);
      if (attempt === 1) call.emit("error", UNAVAILABLE);
      else call.write(batch("one", 1));
    };
    const session = await openScripted({ stream });

    await take(session, 1, { last: 2 });

    expect(starts).toEqual(Array(2).fill({ case: "lastMessages", value: 2 }));
  });

  it("resumes a stream that has fallen silent", async () => {
    const starts: StreamMessagesRequest["start"][] = [];
    const stream = (call: Stream, attempt: number) => {
      starts.push(request(call).start);
      if (attempt < 4) call.write(batch(`${attempt}`, attempt));
    };
    const session = await openScripted({ stream });

    const events = await take(session, 3, { silenceMs: 500 });

    expect(events).toMatchObject([1, 2, 3].map((sequence) => ({ message: { sequence } })));
    expect(starts.map(({ value }) => value)).toEqual([undefined, "1", "2"]);
  });

  it("does not count heartbeats as silence", async () => {
    let attempts = 0;
    const stream = (call: Stream) => {
      let beats = 0;
      attempts += 1;
      const timer = setInterval(() => {
        beats += 1;
        call.write(beats < 10 ? heartbeat("beat") : batch("one", 1));
      }, 110);
      call.on("cancelled", () => clearInterval(timer));
    };
    const session = await openScripted({ stream });

    const patient = take(session, 1, { timeoutMs: 1_000 });
    const wary = take(session, 1, { silenceMs: 1_000 });

    await expect(patient).resolves.toHaveLength(1);
    await expect(wary).resolves.toHaveLength(1);
    expect(attempts).toBe(2);
  });

  it("never takes a stream for lost where it is told not to", async () => {
    let attempts = 0;
    const stream = () => {
      attempts += 1;
    };
    const session = await openScripted({ stream });

    const following = take(session, 1, { silenceMs: Infinity, timeoutMs: 500 });

    await expect(following).rejects.toMatchObject({ code: "deadline_exceeded" });
    expect(attempts).toBe(1);
  });

  it("gives up rather than resumes where both are due at once", async () => {
    let attempts = 0;
    const stream = (call: Stream) => {
      attempts += 1;
      call.write(batch("one", 1));
    };
    const session = await openScripted({ stream });

    const following = take(session, 2, { silenceMs: 500, timeoutMs: 500 });

    await expect(following).rejects.toMatchObject({ code: "deadline_exceeded" });
    expect(attempts).toBe(1);
  });
});
