import { fromBinary } from "@bufbuild/protobuf";
import type { ServerDuplexStream } from "@grpc/grpc-js";
import {
  type AppendMessagesRequest,
  MessageService,
  type PipelineAppendsRequest,
} from "@mofa-state/proto/mofa/state/v1/message_pb.js";
import { type DuplexScript, encoded } from "./scripted-server.js";

const { input, output } = MessageService.method.pipelineAppends;

/** A call of PipelineAppends, as a scripted server has it. */
export type PipelineCall = ServerDuplexStream<Buffer, Buffer>;

/** What a scripted server was sent, attempt by attempt. */
export interface ScriptedPipeline {
  readonly duplex: DuplexScript;
  /** The contents of the messages, in the order in which they came. */
  readonly contents: string[][];
  /** The ids of the messages, in the same order. */
  readonly ids: string[][];
}

/** Makes a server that answers the requests of each attempt by the answer of its number. */
export function scriptPipeline(
  ...answers: readonly ((call: PipelineCall, request: PipelineAppendsRequest) => void)[]
): ScriptedPipeline {
  const contents: string[][] = [];
  const ids: string[][] = [];
  const duplex = (call: PipelineCall, attempt: number) => {
    contents.push([]);
    ids.push([]);
    call.on("data", (bytes: Buffer) => {
      const request = fromBinary(input, bytes);
      contents[attempt - 1]?.push(content(request.append));
      ids[attempt - 1]?.push(request.append?.messages[0]?.id ?? "");
      answers[attempt - 1]?.(call, request);
    });
    call.on("end", () => call.end());
  };
  return { duplex, contents, ids };
}

/** Says that an append was stored. */
export function store(call: PipelineCall, { requestId }: PipelineAppendsRequest): void {
  const value = { headSequence: 1n, revision: 2n };
  call.write(encoded(output, { requestId, outcome: { case: "response", value } }));
}

/** Says that an append was not stored. */
export function refuse(
  call: PipelineCall,
  { requestId }: PipelineAppendsRequest,
  code: number,
): void {
  const value = { code, message: "no" };
  call.write(encoded(output, { requestId, outcome: { case: "error", value } }));
}

/** The content of an append's first message. */
export function content(append: AppendMessagesRequest | undefined): string {
  return append?.messages[0]?.content ?? "";
}
