import type { Session } from "@mofa-state/client";
import { expect, it } from "vitest";
import { describeDatabases } from "../support/databases.js";
import { shareServer } from "./shared-server.js";

type FrameOptions = Parameters<Session["messageFrames"]>[0];

async function frameSizes(session: Session, options?: FrameOptions): Promise<number[]> {
  const sizes: number[] = [];
  for await (const { messages } of session.messageFrames(options)) sizes.push(messages.length);
  return sizes;
}

async function appendSized(session: Session, count: number, size: number): Promise<void> {
  const content = "x".repeat(size);
  await session.append(Array.from({ length: count }, () => ({ role: "user", content })));
}

describeDatabases("the history", (database) => {
  const server = shareServer(database);

  it("comes in frames of 1, 8 and then 64 messages, and one that says that is all", async () => {
    const state = await server.connect();
    const session = await state.sessions.create();
    await appendSized(session, 1_000, 10);

    const sizes = await frameSizes(session);

    const middle = Array.from({ length: 15 }, () => 64);
    expect(sizes).toEqual([1, 8, ...middle, 1_000 - 9 - 15 * 64, 0]);
  });

  it("comes in one frame where few messages are left that were read before", async () => {
    const state = await server.connect();
    const session = await state.sessions.create();
    await appendSized(session, 200, 10);
    await frameSizes(session);

    expect(await frameSizes(session)).toEqual([1, 8, 64, 64, 63, 0]);
    expect(await frameSizes(session, { last: 64 })).toEqual([64, 0]);
    expect(await frameSizes(session, { last: 50, frameMaxMessages: 20 })).toEqual([20, 20, 10, 0]);
  });

  it("comes in frames no larger than was asked for", async () => {
    const state = await server.connect();
    const session = await state.sessions.create();
    await appendSized(session, 300, 10);

    expect(await frameSizes(session, { frameMaxMessages: 5, last: 12 })).toEqual([1, 5, 5, 1, 0]);
    expect(await frameSizes(session, { frameMaxMessages: 200 })).toEqual([1, 8, 200, 91, 0]);
    expect(await frameSizes(session, { frameMaxMessages: 5_000 })).toEqual([1, 8, 291, 0]);
  });

  it("comes in frames of 64 KiB at most, with one message at least", async () => {
    const state = await server.connect();
    const session = await state.sessions.create();
    await appendSized(session, 12, 20_000);
    await appendSized(session, 2, 100_000);

    expect(await frameSizes(session)).toEqual([1, 3, 3, 3, 2, 1, 1, 0]);
  });

  it("is what was there when the call began", async () => {
    const state = await server.connect();
    const session = await state.sessions.create();
    // More than fits on the way, so that the last of it is read after the append.
    for (let n = 0; n < 10; n += 1) await appendSized(session, 30, 30_000);
    const sequences: number[] = [];
    let caughtUp: object | undefined;

    for await (const frame of session.messageFrames()) {
      if (sequences.length === 0) await session.append({ role: "user" });
      sequences.push(...frame.messages.map(({ sequence }) => sequence));
      caughtUp = frame.caughtUp;
    }

    expect(sequences).toEqual(Array.from({ length: 300 }, (_, index) => index + 1));
    expect(caughtUp).toEqual({ headSequence: 300, revision: 11 });
  });

  it("starts where it is asked to, and leaves out what was deleted", async () => {
    const state = await server.connect();
    const session = await state.sessions.create();
    await appendSized(session, 9, 1);
    const { messages } = await session.listMessagesPage();
    for (const index of [0, 6, 8]) await session.deleteMessage(messages[index]?.id ?? "");
    const read = async (options: FrameOptions) => {
      const sequences: number[] = [];
      for await (const { sequence } of session.messages(options)) sequences.push(sequence);
      return sequences;
    };

    expect(await read({})).toEqual([2, 3, 4, 5, 6, 8]);
    expect(await read({ after: 5 })).toEqual([6, 8]);
    expect(await read({ after: 9 })).toEqual([]);
    expect(await read({ last: 0 })).toEqual([]);
    expect(await read({ last: 3 })).toEqual([5, 6, 8]);
    expect(await read({ last: 6 })).toEqual([2, 3, 4, 5, 6, 8]);
    expect(await read({ last: 100 })).toEqual([2, 3, 4, 5, 6, 8]);
  });

  it("resumes after any of its frames", async () => {
    const state = await server.connect();
    const session = await state.sessions.create();
    await appendSized(session, 100, 10);
    const frames = [];
    for await (const frame of session.messageFrames()) frames.push(frame);

    for (const [index, { resumeToken }] of frames.entries()) {
      const rest: number[] = [];
      for await (const { sequence } of session.messages({ resumeToken })) rest.push(sequence);

      const expected = frames.slice(index + 1).flatMap(({ messages }) => messages);
      expect(rest).toEqual(expected.map(({ sequence }) => sequence));
    }
  });
});
