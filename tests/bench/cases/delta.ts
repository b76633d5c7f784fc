import { create, type MessageInitShape } from "@bufbuild/protobuf";
import {
  MessageService,
  Role,
  type WriteMessageRequest,
  WriteMessageRequestSchema,
  type WriteMessageResponse,
} from "@mofa-state/proto/mofa/state/v1/message_pb.js";
import type { BenchCase, Sample } from "../bench-case.js";
import { closedLoop } from "../closed-loop.js";
import { Follower } from "../follower.js";
import type { BidiCall, GrpcClient } from "../grpc-client.js";
import { nextId } from "../payload.js";
import { createSession } from "../sessions.js";
import { unaryEcho } from "./follow.js";

const TOKEN = " token";
const TIMES_THE_ECHO = 1.5;

/** A message that is written token by token, each until a follower has it. */
export const delta: BenchCase = {
  name: "delta",
  baseline: "echo",
  operation: "delta",
  targets: [{ metric: "p50", relation: "≤", limit: (_, echo) => TIMES_THE_ECHO * echo("p50") }],
  async prepare(stage) {
    const { server, echo } = stage;
    const sessionId = await createSession(server.client);
    const follower = stage.keep(await Follower.open(stage.connect(server), sessionId));
    return {
      server: async (durationMs) => {
        const writer = await Writer.open(server.client, sessionId);
        const sample = await writeToFollower(writer, follower, durationMs);
        await writer.finish();
        return sample;
      },
      baseline: unaryEcho(echo.client),
    };
  },
};

function writeToFollower(writer: Writer, follower: Follower, durationMs: number): Promise<Sample> {
  const write = async () => {
    const end = BigInt(writer.offset + TOKEN.length);
    const arrival = follower.until(({ case: kind, value }) => {
      if (kind !== "delta" || value.delta.case !== "text") return false;
      return value.offset + BigInt(value.delta.value.length) === end;
    });
    writer.write(TOKEN);
    await arrival;
  };
  return closedLoop(write, { inFlight: 1, durationMs });
}

/** Writes a message of ASCII text. */
class Writer {
  /** How many bytes were written. */
  offset = 0;
  readonly #call: BidiCall<WriteMessageRequest>;
  readonly #opened: Promise<void>;

  private constructor(client: GrpcClient) {
    let onOpened: () => void = () => {};
    this.#opened = new Promise((resolve) => {
      onOpened = resolve;
    });
    this.#call = client.bidi(
      MessageService.method.writeMessage,
      ({ write }: WriteMessageResponse) => {
        if (write.case === "acknowledged") onOpened();
      },
    );
  }

  /** Begins a message, and returns when the server has it. */
  static async open(client: GrpcClient, sessionId: string): Promise<Writer> {
    const writer = new Writer(client);
    const message = { id: nextId(), role: Role.ASSISTANT };
    writer.#send({ case: "start", value: { sessionId, message } });
    await Promise.race([writer.#opened, writer.#call.ended]);
    return writer;
  }

  write(text: string): void {
    const value = { offset: BigInt(this.offset), delta: { case: "text", value: text } } as const;
    this.#send({ case: "delta", value });
    this.offset += text.length;
  }

  /** Ends the message, and returns when the server has ended the stream. */
  async finish(): Promise<void> {
    this.#send({ case: "finish", value: {} });
    this.#call.end();
    await this.#call.ended;
  }

  #send(write: MessageInitShape<typeof WriteMessageRequestSchema>["write"]): void {
    this.#call.send(create(WriteMessageRequestSchema, write ? { write } : {}));
  }
}
