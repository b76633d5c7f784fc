import { setTimeout as pause } from "node:timers/promises";
import { MessageService, type Session, type State } from "@mofa-state/client";
import type { StreamMessagesResponse } from "@mofa-state/proto/mofa/state/v1/message_pb.js";
import { expect, it } from "vitest";
import { collect } from "../support/collect.js";
import { describeDatabases } from "../support/databases.js";
import { shareServer } from "./shared-server.js";

const HEARTBEAT_MS = 20;

function follow(state: State, session: Session) {
  return state.lowLevel(MessageService).streamMessages({ sessionId: session.id, follow: true });
}

/** Takes frames up to the heartbeat with a number, counted from 1. */
async function takeUntilHeartbeat(
  frames: AsyncIterable<StreamMessagesResponse>,
  number: number,
): Promise<readonly StreamMessagesResponse[]> {
  const taken: StreamMessagesResponse[] = [];
  for await (const frame of frames) {
    taken.push(frame);
    if (taken.filter((each) => each.frame.case === "heartbeat").length === number) break;
  }
  return taken;
}

/** Gives what each heartbeat says of the head, and what had come by then. */
function headsOf(frames: readonly StreamMessagesResponse[]): readonly (readonly number[])[] {
  let head = 0;
  return frames.flatMap(({ frame }) => {
    if (frame.case === "messages") head = Number(frame.value.messages.at(-1)?.sequence);
    return frame.case === "heartbeat" ? [[Number(frame.value.headSequence), head]] : [];
  });
}

describeDatabases("a heartbeat", (database) => {
  const server = shareServer(database, { heartbeatIntervalMs: HEARTBEAT_MS });

  it("comes again and again when nothing else does", async () => {
    const state = await server.connect();
    const session = await state.sessions.create();
    await session.append({ role: "user" });

    const frames = await takeUntilHeartbeat(follow(state, session), 3);

    expect(frames.map(({ frame }) => frame.case)).toEqual([
      ...["messages", "caughtUp"],
      ...["heartbeat", "heartbeat", "heartbeat"],
    ]);
    expect(frames.at(-1)?.frame.value).toMatchObject({ headSequence: 1n, revision: 2n });
  });

  it("is never ahead of what has come, and resumes after just that", async () => {
    const state = await server.connect();
    const session = await state.sessions.create();
    const stop = new AbortController();
    const write = async () => {
      for (let count = 0; !stop.signal.aborted; count++) {
        await session.append({ role: "user" });
        // Now and then just as long as it takes to a heartbeat.
        if (count % 3 === 0) await pause(HEARTBEAT_MS + (count % 5) - 3);
      }
    };
    const writing = write();

    const frames = await takeUntilHeartbeat(follow(state, session), 20);
    stop.abort();
    await writing;

    const heads = headsOf(frames);
    expect(heads.filter(([told, had]) => told !== had)).toEqual([]);
    const { headSequence } = await session.refresh();
    for (const { frame, resumeToken } of frames) {
      if (frame.case !== "heartbeat") continue;
      const rest = await collect(session.messages({ resumeToken }));
      const first = Number(frame.value.headSequence) + 1;
      expect(rest[0]?.sequence).toBe(first <= headSequence ? first : undefined);
      expect(rest).toHaveLength(headSequence - first + 1);
    }
  });
});
