import { MessageService, type Session, type SessionEvent } from "@mofa-state/client";
import { expect, it } from "vitest";
import { describeDatabases } from "../support/databases.js";
import { type WatchOptions, watch } from "../support/stream-oracle.js";
import { shareServer } from "./shared-server.js";

const COUNT = 10;
const LIVE = 3;

async function append(session: Session, count: number): Promise<void> {
  for (let number = 0; number < count; number++) await session.append({ role: "user" });
}

function sequencesOf(events: readonly SessionEvent[]): readonly number[] {
  return events.flatMap((event) => (event.type === "message" ? [event.message.sequence] : []));
}

/** The sequences after one, up to another. */
function range(after: number, upTo: number): readonly number[] {
  return Array.from({ length: upTo - after }, (_, index) => after + index + 1);
}

/** Gives the token of the frame that ends with a message. */
async function tokenAt(session: Session, sequence: number): Promise<string> {
  for await (const { messages, resumeToken } of session.messageFrames({ frameMaxMessages: 1 })) {
    if (messages.at(-1)?.sequence === sequence) return resumeToken;
  }
  throw new Error(`no frame ends with message ${sequence}`);
}

/** The starts that a follower of a session with ten messages may choose, and what comes first. */
const STARTS: readonly (readonly [WatchOptions, number])[] = [
  [{}, 1],
  [{ after: 0 }, 1],
  [{ after: 4 }, 5],
  [{ after: COUNT }, COUNT + 1],
  [{ last: 0 }, COUNT + 1],
  [{ last: 5 }, 6],
  [{ last: 100 }, 1],
];

describeDatabases("a follower", (database) => {
  const server = shareServer(database);

  it.each(STARTS)(
    "that starts with %j gets what is there, and then what comes",
    async (start, first) => {
      const state = await server.connect();
      const session = await state.sessions.create();
      await append(session, COUNT);

      const oracle = watch(session, start);
      const { headSequence, revision } = await oracle.caughtUp();
      const { length } = oracle.events;
      await append(session, LIVE);
      await oracle.settled(COUNT + LIVE);

      expect([headSequence, revision]).toEqual([COUNT, COUNT + 1]);
      expect(sequencesOf(oracle.events.slice(0, length))).toEqual(range(first - 1, COUNT));
      expect(sequencesOf(oracle.events)).toEqual(range(first - 1, COUNT + LIVE));
      expect(oracle.caughtUps).toHaveLength(1);
      await oracle.check();
    },
  );

  it.each([{}, { after: 0 }, { last: 0 }, { last: 5 }])(
    "of an empty session, with %j, gets what comes",
    async (start) => {
      const state = await server.connect();
      const session = await state.sessions.create();

      const oracle = watch(session, start);
      const { headSequence, revision } = await oracle.caughtUp();
      await append(session, LIVE);
      await oracle.settled(LIVE);

      expect([headSequence, revision]).toEqual([0, 1]);
      expect(sequencesOf(oracle.events)).toEqual(range(0, LIVE));
      await oracle.check();
    },
  );

  it("that starts with a token gets what comes after its frame", async () => {
    const state = await server.connect();
    const session = await state.sessions.create();
    await append(session, COUNT);

    for (const sequence of [1, 5, COUNT]) {
      const oracle = watch(session, { resumeToken: await tokenAt(session, sequence) });
      const { headSequence } = await oracle.caughtUp();

      expect(headSequence).toBe(COUNT);
      expect(sequencesOf(oracle.events)).toEqual(range(sequence, COUNT));
    }
  });

  it("that starts beyond the head is refused", async () => {
    const state = await server.connect();
    const session = await state.sessions.create();
    const ahead = { code: "out_of_range", reason: "POSITION_AHEAD" };

    expect(await watch(session, { after: 1 }).failed()).toMatchObject(ahead);
    await append(session, COUNT);
    expect(await watch(session, { after: COUNT + 1 }).failed()).toMatchObject(ahead);
  });

  it("is refused where the session is gone, whatever it starts with", async () => {
    const state = await server.connect();
    const session = await state.sessions.create();
    await append(session, COUNT);
    const resumeToken = await tokenAt(session, 5);
    await session.delete();

    for (const start of [{}, { after: 5 }, { last: 0 }, { last: 5 }, { resumeToken }]) {
      const error = await watch(session, start).failed();

      expect(error).toMatchObject({ code: "not_found", reason: "SESSION_DELETED" });
    }
  });

  it("gets nothing of another tenant's session", async () => {
    const [state, stranger] = [await server.connect(), await server.connect()];
    const session = await state.sessions.create();
    await append(session, 10);
    const { streamMessages } = stranger.lowLevel(MessageService);
    const starts = [
      { case: undefined },
      { case: "afterSequence", value: 5n },
      { case: "lastMessages", value: 0 },
    ] as const;

    for (const start of starts) {
      const stream = streamMessages({ sessionId: session.id, follow: true, start });

      const unknown = { code: "not_found", reason: "SESSION_NOT_FOUND", metadata: {} };
      await expect(stream.next()).rejects.toMatchObject(unknown);
    }
  });

  it("is refused where its token is another session's, or was edited", async () => {
    const state = await server.connect();
    const [session, other] = [await state.sessions.create(), await state.sessions.create()];
    for (const each of [session, other]) await append(each, 1);
    const token = await tokenAt(session, 1);
    const edited = `${token.slice(0, 4)}${token[4] === "A" ? "B" : "A"}${token.slice(5)}`;

    for (const resumeToken of [await tokenAt(other, 1), edited, token.slice(1), "nonsense"]) {
      const error = await watch(session, { resumeToken }).failed();

      expect(error).toMatchObject({ code: "invalid_argument", reason: "INVALID_ARGUMENT" });
      expect(error).toMatchObject({ violations: [{ field: "resume_token" }] });
    }
  });
});
