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

/** Answers one request of one attempt; `content` is what the message has by then. */
type Answer = (call: WriteCall, request: WriteMessageRequest["write"], content: string) => void;

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
    let content = "";
    sent.push(requests);
    call.on("data", (bytes: Buffer) => {
      const { write } = fromBinary(input, bytes);
      if (write.case === "start") starts.push(write.value);
      else requests.push(describe(write));
      content = add(content, write);
      answers[attempt - 1]?.(call, write, content);
    });
    call.on("end", () => requests.push("end"));
  };
  return { duplex, starts, sent };
}

/** Takes a message from its beginning, and gives it at its end as it came. */
export const takeAll: Answer = (call, write, content) => {
  if (write.case === "start") acknowledge(call, 0);
  if (write.case === "finish") finished(call, content);
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

/** Adds text where it belongs; what came before, in another attempt, are dots. */
function add(content: string, write: WriteMessageRequest["write"]): string {
  if (write.case !== "delta" || write.value.delta.case !== "text") return content;
  const before = Buffer.alloc(Number(write.value.offset), ".");
  Buffer.from(content).copy(before);
  return before.toString() + write.value.delta.value;
}

function describe(write: WriteMessageRequest["write"]): string {
  if (write.case === "finish") return `finish:${MessageStatus[write.value.status]}`;
  if (write.case !== "delta") return "nothing";
  const { delta, offset, partIndex } = write.value;
  return delta.case === "text" ? `${offset}:${delta.value}` : `part:${partIndex}`;
}
