import { fromBinary } from "@bufbuild/protobuf";
import { status } from "@grpc/grpc-js";
import { GetContextRequestSchema } from "@mofa-state/proto/mofa/state/v1/message_pb.js";
import { describe, expect, it } from "vitest";
import { never, openScripted, type ReceivedCall } from "./scripted-server.js";

const UNAVAILABLE = { code: status.UNAVAILABLE, details: "later" };
const EMPTY = new Uint8Array();

describe("a context", () => {
  it("is asked for with the limits that are given, and no others", async () => {
    const requests: unknown[] = [];
    const getContext = ({ request }: ReceivedCall) => {
      const { maxTurns, maxMessages, maxTokens, answerInterruptedCalls } = fromBinary(
        GetContextRequestSchema,
        request,
      );
      requests.push([maxTurns, maxMessages, maxTokens, answerInterruptedCalls]);
      return EMPTY;
    };
    const session = await openScripted({ unary: { getContext } });

    const nothing = await session.context();
    await session.context({ maxTurns: 2, maxTokens: 8_000 });
    await session.context({ maxMessages: 5, answerInterruptedCalls: true });

    expect(requests).toEqual([
      [undefined, undefined, undefined, false],
      [2, undefined, 8_000, false],
      [undefined, 5, undefined, true],
    ]);
    expect(nothing).toEqual({ messages: [], tokenCount: 0, headSequence: 0, isTruncated: false });
  });

  it("is asked for again when the server was not available", async () => {
    let attempts = 0;
    const getContext = (_: ReceivedCall, attempt: number) => {
      attempts = attempt;
      if (attempt === 1) throw UNAVAILABLE;
      return EMPTY;
    };
    const session = await openScripted({ unary: { getContext } });

    expect((await session.context()).messages).toEqual([]);
    expect(attempts).toBe(2);
  });

  it("ends at its deadline, and by its signal", async () => {
    const controller = new AbortController();
    const getContext = (_: ReceivedCall, attempt: number) => {
      if (attempt === 2) controller.abort();
      return never();
    };
    const session = await openScripted({ unary: { getContext } });

    const late = session.context({ timeoutMs: 50 });
    await expect(late).rejects.toMatchObject({ code: "deadline_exceeded" });
    const aborted = session.context({ signal: controller.signal });
    await expect(aborted).rejects.toMatchObject({ code: "cancelled" });
  });
});
