import { fromBinary, toBinary } from "@bufbuild/protobuf";
import {
  Server,
  ServerCredentials,
  type ServerDuplexStream,
  type ServerUnaryCall,
  type ServerWritableStream,
  type sendUnaryData,
} from "@grpc/grpc-js";
import {
  type AppendMessagesRequest,
  AppendMessagesRequestSchema,
  type AppendMessagesResponse,
  AppendMessagesResponseSchema,
  type PipelineAppendsRequest,
  PipelineAppendsRequestSchema,
  type PipelineAppendsResponse,
  PipelineAppendsResponseSchema,
  type StreamMessagesRequest,
  StreamMessagesRequestSchema,
} from "@mofa-state/proto/mofa/state/v1/message_pb.js";
import { answerAppend, answerPipelined, answerStream } from "./echo-answers.js";
import { addFollower, announce } from "./echo-followers.js";

// A program: the baseline, which is grpc-js and protobuf-es with nothing behind them.

const definition = {
  appendMessages: {
    path: "/mofa.state.v1.MessageService/AppendMessages",
    requestStream: false,
    responseStream: false,
    requestSerialize: unused,
    requestDeserialize: (bytes: Buffer) => fromBinary(AppendMessagesRequestSchema, bytes),
    responseSerialize: (reply: AppendMessagesResponse) =>
      toBuffer(toBinary(AppendMessagesResponseSchema, reply)),
    responseDeserialize: unused,
  },
  pipelineAppends: {
    path: "/mofa.state.v1.MessageService/PipelineAppends",
    requestStream: true,
    responseStream: true,
    requestSerialize: unused,
    requestDeserialize: (bytes: Buffer) => fromBinary(PipelineAppendsRequestSchema, bytes),
    responseSerialize: (reply: PipelineAppendsResponse) =>
      toBuffer(toBinary(PipelineAppendsResponseSchema, reply)),
    responseDeserialize: unused,
  },
  streamMessages: {
    path: "/mofa.state.v1.MessageService/StreamMessages",
    requestStream: false,
    responseStream: true,
    requestSerialize: unused,
    requestDeserialize: (bytes: Buffer) => fromBinary(StreamMessagesRequestSchema, bytes),
    responseSerialize: (frame: Buffer) => frame,
    responseDeserialize: unused,
  },
} as const;

function appendMessages(
  { request }: ServerUnaryCall<AppendMessagesRequest, AppendMessagesResponse>,
  answer: sendUnaryData<AppendMessagesResponse>,
): void {
  const response = answerAppend(request);
  announce(request, response.messages);
  answer(null, response);
}

function pipelineAppends(
  call: ServerDuplexStream<PipelineAppendsRequest, PipelineAppendsResponse>,
): void {
  call.on("data", (request: PipelineAppendsRequest) => call.write(answerPipelined(request)));
  call.on("end", () => call.end());
}

function streamMessages(call: ServerWritableStream<StreamMessagesRequest, Buffer>): void {
  if (call.request.follow) {
    addFollower(call);
    return;
  }
  const frames = answerStream(call.request).values();

  function writeUntilFull(): void {
    for (const frame of frames) {
      if (!call.write(frame)) return;
    }
    call.end();
  }
  call.on("drain", writeUntilFull);
  writeUntilFull();
}

function toBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function unused(): never {
  throw new Error("this is the client's side of the definition");
}

const server = new Server({ "grpc.enable_channelz": 0 });
server.addService(definition, { appendMessages, pipelineAppends, streamMessages });
server.bindAsync("127.0.0.1:0", ServerCredentials.createInsecure(), (error, port) => {
  if (error) throw error;
  process.stderr.write(`listening on 127.0.0.1:${port}\n`);
});
