import { randomUUID } from "node:crypto";
import type { MessageInitShape } from "@bufbuild/protobuf";
import { MessageService, type Session, type State } from "@mofa-state/client";
import {
  Role,
  type WriteMessageRequestSchema,
} from "@mofa-state/proto/mofa/state/v1/message_pb.js";
import { expect, it } from "vitest";
import { collect } from "../support/collect.js";
import { describeDatabases } from "../support/databases.js";
import { shareServer } from "./shared-server.js";

type Request = MessageInitShape<typeof WriteMessageRequestSchema>;

function start(sessionId: string, id: string, writerId: string): Request {
  const message = { id, role: Role.ASSISTANT };
  return { write: { case: "start", value: { sessionId, message, writerId } } };
}

function text(offset: number, value: string): Request {
  const delta = { case: "text", value } as const;
  return { write: { case: "delta", value: { offset: BigInt(offset), delta } } };
}

function part(partIndex: number, json: string): Request {
  const delta = { case: "part", value: { part: { case: "data", value: { json } } } } as const;
  return { write: { case: "delta", value: { partIndex, delta } } };
}

const FINISH: Request = { write: { case: "finish", value: {} } };

const MISMATCH = { code: "aborted", reason: "OFFSET_MISMATCH" };

/** A message that is written request by request. */
interface Writing {
  readonly session: Session;
  readonly id: string;
  /** Sends these requests after a start, ends the client's side, and gives the answers. */
  send(...requests: readonly Request[]): ReturnType<typeof collectAnswers>;
}

async function begin(state: State): Promise<Writing> {
  const session = await state.sessions.create();
  const [id, writerId] = [randomUUID(), randomUUID()];
  const first = start(session.id, id, writerId);
  return { session, id, send: (...requests) => collectAnswers(state, [first, ...requests]) };
}

async function collectAnswers(state: State, requests: readonly Request[]) {
  async function* send() {
    yield* requests;
  }
  const answers = await collect(state.lowLevel(MessageService).writeMessage(send()));
  return answers.map(({ write }) => write);
}

describeDatabases("a message that is written request by request", (database) => {
  const server = shareServer(database, { writeCheckpointMs: 20 });

  it("is acknowledged first, and whole at the end", async () => {
    const state = await server.connect();
    const { session, id, send } = await begin(state);

    const answers = await send(text(0, "Hällo"), text(6, " 🦔"), FINISH);

    expect(answers[0]).toMatchObject({
      case: "acknowledged",
      value: { offset: 0n, partCount: 0, messageId: id, sequence: 1n },
    });
    expect(answers.at(-1)).toMatchObject({ case: "message", value: { content: "Hällo 🦔" } });
    expect(answers.filter((answer) => answer.case === "message")).toHaveLength(1);
    expect((await session.getMessage(id)).status).toBe("complete");
  });

  it("is interrupted where its writer ends without finishing it", async () => {
    const state = await server.connect();
    const { session, id, send } = await begin(state);

    await send(text(0, "half of"));

    const message = await session.getMessage(id);
    expect(message).toMatchObject({ status: "interrupted", content: "half of" });
  });

  it("takes what repeats its text once", async () => {
    const state = await server.connect();
    const { send } = await begin(state);

    const repeated = [text(0, "Hä"), text(0, "Hällo"), text(3, "llo"), text(1, "ällo wörld")];
    const answers = await send(...repeated, part(0, "1"), part(0, "1"), part(1, "2"), FINISH);

    expect(answers.at(-1)).toMatchObject({
      case: "message",
      value: {
        content: "Hällo wörld",
        parts: ["1", "2"].map((json) => ({ part: { case: "data", value: { json } } })),
      },
    });
  });

  it("takes what repeats its durable text once", async () => {
    const state = await server.connect();
    const { send } = await begin(state);
    await send(text(0, "Hällo"), part(0, "1"));

    const [first, ...rest] = await send(text(0, "Hä"), text(3, "llo wörld"), part(0, "1"), FINISH);

    expect(first).toMatchObject({ case: "acknowledged", value: { offset: 6n, partCount: 1 } });
    expect(rest.at(-1)).toMatchObject({ case: "message", value: { content: "Hällo wörld" } });
  });

  const mismatches: Readonly<Record<string, Request>> = {
    "differs from its text": text(0, "Hello"),
    "begins within a character": text(2, "llo"),
    "leaves a gap": text(7, "wörld"),
    "differs from a part": part(0, "2"),
    "leaves a part out": part(2, "2"),
  };

  it.each(Object.entries(mismatches))("refuses what %s, pending or durable", async (_, wrong) => {
    const state = await server.connect();
    const { session, id, send } = await begin(state);

    await expect(send(text(0, "Hällo"), part(0, "1"), wrong)).rejects.toMatchObject(MISMATCH);
    const goOn = [text(0, "Hällo"), part(0, "1")];
    await send(...goOn);
    await expect(send(wrong)).rejects.toMatchObject(MISMATCH);

    expect(await session.getMessage(id)).toMatchObject({
      content: "Hällo",
      parts: [{ type: "data", data: 1 }],
    });
    expect((await send(FINISH)).at(-1)).toMatchObject({ value: { content: "Hällo" } });
  });

  it("leaves nothing of a writer whose first request is no start", async () => {
    const state = await server.connect();
    const session = await state.sessions.create();

    const bad = { code: "invalid_argument", reason: "INVALID_ARGUMENT" };
    await expect(collectAnswers(state, [FINISH])).rejects.toMatchObject(bad);
    await expect(collectAnswers(state, [text(0, "text")])).rejects.toMatchObject(bad);

    expect((await session.refresh()).headSequence).toBe(0);
  });
});
