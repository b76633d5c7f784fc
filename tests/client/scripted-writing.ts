import { setImmediate } from "node:timers/promises";
import { create, fromBinary, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import { anyPack } from "@bufbuild/protobuf/wkt";
import { Metadata, type ServerDuplexStream } from "@grpc/grpc-js";
import type { MessageWriter } from "@mofa-state/client";
import { ErrorInfoSchema } from "@mofa-state/proto/google/rpc/error_details_pb.js";
import { StatusSchema } from "@mofa-state/proto/google/rpc/status_pb.js";
import {
  MessageService,
  MessageStatus,
  Role,
  type WriteMessageRequest,
} from "@mofa-state/proto/mofa/state/v1/message_pb.js";
import { type DuplexScript, encoded } from "./scripted-server.js";

const { input, output } = MessageService.method.writeMessage;

/** What is known of a message before it is written. */
export const HEADER = { role: "assistant" } as const;

/** A call of WriteMessage, as a scripted server has it. */
export type WriteCall = ServerDuplexStream<Buffer, Buffer>;

/** What a message has. */
export interface Written {
  readonly content: string;
  readonly partCount?: number;
  readonly isInterrupted?: boolean;
}

/** Answers one request of one attempt; `written` is what the message has by then. */
type Answer = (call: WriteCall, request: WriteMessageRequest["write"], written: Written) => void;

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
    let written: Written = { content: "" };
    sent.push(requests);
    call.on("data", (bytes: Buffer) => {
      const { write } = fromBinary(input, bytes);
      if (write.case === "start") starts.push(write.value);
      else requests.push(describe(write));
      written = add(written, write);
      answers[attempt - 1]?.(call, write, written);
    });
    call.on("end", () => requests.push("end"));
  };
  return { duplex, starts, sent };
}

/** Takes a message from its beginning, and gives it at its end as it came. */
export const takeAll: Answer = (call, write, written) => {
  if (write.case === "start") acknowledge(call, 0);
  if (write.case === "finish") finished(call, written);
};

/** Waits until the writer knows that so many bytes are durable. */
export async function durable(writer: MessageWriter, bytes: number): Promise<void> {
  while (writer.acknowledged < bytes) await setImmediate();
}

/** A status with a reason. */
export function refusal(code: number, reason: string) {
  const info = anyPack(ErrorInfoSchema, create(ErrorInfoSchema, { reason }));
  const metadata = new Metadata();
  const details = toBinary(StatusSchema, create(StatusSchema, { details: [info] }));
  metadata.set("grpc-status-details-bin", Buffer.from(details));
  return { code, details: reason, metadata };
}

/** Says that so much is durable. */
export function acknowledge(call: WriteCall, offset: number, partCount = 0): void {
  const value = { offset: BigInt(offset), partCount, messageId: "m", sequence: 7n };
  answer(call, { case: "acknowledged", value });
}

/** Gives the finished message, and ends the call. */
export function finished(
  call: WriteCall,
  { content, partCount = 0, isInterrupted = false }: Written,
): void {
  const time = { seconds: 1n };
  const status = isInterrupted ? MessageStatus.INTERRUPTED : MessageStatus.COMPLETE;
  const part = { case: "data", value: { json: "1" } } as const;
  const parts = Array.from({ length: partCount }, () => ({ part }));
  const fields = { id: "m", sequence: 7n, role: Role.ASSISTANT, content, parts, status };
  answer(call, { case: "message", value: { ...fields, createdAt: time, updatedAt: time } });
  call.end();
}

function answer(
  call: WriteCall,
  write: NonNullable<MessageInitShape<typeof output>["write"]>,
): void {
  call.write(encoded(output, { write }));
}

/** Adds what is written where it belongs; text of another attempt that came before is dots. */
function add(written: Written, write: WriteMessageRequest["write"]): Written {
  if (write.case === "finish" && write.value.parts.length > 0) {
    return { ...written, partCount: write.value.parts.length };
  }
  if (write.case !== "delta") return written;
  const { delta, offset, partIndex } = write.value;
  if (delta.case === "part") return { ...written, partCount: partIndex + 1 };
  const before = Buffer.alloc(Number(offset), ".");
  Buffer.from(written.content).copy(before);
  return { ...written, content: before.toString() + delta.value };
}

function describe(write: WriteMessageRequest["write"]): string {
  if (write.case === "finish") return `finish:${MessageStatus[write.value.status]}`;
  if (write.case !== "delta") return "nothing";
  const { delta, offset, partIndex } = write.value;
  return delta.case === "text" ? `${offset}:${delta.value}` : `part:${partIndex}`;
}
