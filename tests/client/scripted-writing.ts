import { fromBinary, type MessageInitShape } from "@bufbuild/protobuf";
import type { ServerDuplexStream } from "@grpc/grpc-js";
import {
  MessageService,
  MessageStatus,
  Role,
  type WriteMessageRequest,
} from "@mofa-state/proto/mofa/state/v1/message_pb.js";
import { type DuplexScript, encoded } from "./scripted-server.js";

const { input, output } = MessageService.method.writeMessage;

/** A call of WriteMessage, as a scripted server has it. */
export type WriteCall = ServerDuplexStream<Buffer, Buffer>;

/** Answers one request of one attempt. */
type Answer = (call: WriteCall, request: WriteMessageRequest["write"]) => void;

/** What a scripted server was sent, attempt by attempt. */
export interface ScriptedWriting {
  readonly duplex: DuplexScript;
  /** Each `start`. */
  readonly starts: (WriteMessageRequest["write"] & { readonly case: "start" })["value"][];
  /** What followed it: `offset:text`, `part:index`, `finish:status` and `end`. */
  readonly sent: string[][];
}

/** Makes a server that answers the requests of each attempt by the answer of its number. */
export function scriptWriting(...answers: readonly Answer[]): ScriptedWriting {
  const starts: ScriptedWriting["starts"] = [];
  const sent: string[][] = [];
  const duplex = (call: WriteCall, attempt: number) => {
    const requests: string[] = [];
    sent.push(requests);
    call.on("data", (bytes: Buffer) => {
      const { write } = fromBinary(input, bytes);
      if (write.case === "start") starts.push(write.value);
      else requests.push(describe(write));
      answers[attempt - 1]?.(call, write);
    });
    call.on("end", () => requests.push("end"));
  };
  return { duplex, starts, sent };
}

/** Says that so much is durable. */
export function acknowledge(call: WriteCall, offset: number, partCount = 0): void {
  const value = { offset: BigInt(offset), partCount, messageId: "m", sequence: 7n };
  answer(call, { case: "acknowledged", value });
}

/** Gives the finished message, and ends the call. */
export function finished(call: WriteCall, content: string, isInterrupted = false): void {
  const time = { seconds: 1n };
  const status = isInterrupted ? MessageStatus.INTERRUPTED : MessageStatus.COMPLETE;
  const fields = { id: "m", sequence: 7n, role: Role.ASSISTANT, content, status };
  answer(call, { case: "message", value: { ...fields, createdAt: time, updatedAt: time } });
  call.end();
}

function answer(
  call: WriteCall,
  write: NonNullable<MessageInitShape<typeof output>["write"]>,
): void {
  call.write(encoded(output, { write }));
}

function describe(write: WriteMessageRequest["write"]): string {
  if (write.case === "finish") return `finish:${MessageStatus[write.value.status]}`;
  if (write.case !== "delta") return "nothing";
  const { delta, offset, partIndex } = write.value;
  return delta.case === "text" ? `${offset}:${delta.value}` : `part:${partIndex}`;
}
