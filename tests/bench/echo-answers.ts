import { create, toBinary } from "@bufbuild/protobuf";
import {
  type AppendMessagesRequest,
  type AppendMessagesResponse,
  AppendMessagesResponseSchema,
  type Message,
  MessageStatus,
  type PipelineAppendsRequest,
  type PipelineAppendsResponse,
  PipelineAppendsResponseSchema,
  type StreamMessagesRequest,
  StreamMessagesResponseSchema,
} from "@mofa-state/proto/mofa/state/v1/message_pb.js";
import { HISTORY_LENGTH, newMessage, nextId } from "./payload.js";

const MESSAGES_A_FRAME = 64;

const TIME = { $typeName: "google.protobuf.Timestamp", seconds: 1_700_000_000n, nanos: 1_000_000 };

const framesByLength = new Map<number, readonly Buffer[]>();

/** Answers an append with its own messages and the fields that a server sets. */
export function answerAppend(request: AppendMessagesRequest): AppendMessagesResponse {
  const { messages, sessionId } = request;
  for (const [index, message] of messages.entries()) store(message, sessionId, index + 1);
  const headSequence = BigInt(messages.length);
  return create(AppendMessagesResponseSchema, { messages, headSequence, revision: 2n });
}

/** Answers an append of a pipeline. */
export function answerPipelined(request: PipelineAppendsRequest): PipelineAppendsResponse {
  const { requestId, append } = request;
  if (append === undefined) throw new Error("a request of a pipeline has no append");
  return create(PipelineAppendsResponseSchema, {
    requestId,
    outcome: { case: "response", value: answerAppend(append) },
  });
}

/** Gives the frames of an answer, encoded the first time that they are asked for. */
export function answerStream({ start }: StreamMessagesRequest): readonly Buffer[] {
  const length = start.case === "lastMessages" ? start.value : HISTORY_LENGTH;
  const frames = framesByLength.get(length) ?? encodeFrames(length);
  framesByLength.set(length, frames);
  return frames;
}

function encodeFrames(length: number): readonly Buffer[] {
  const sessionId = nextId();
  const history = Array.from({ length }, (_, index) => store(newMessage(), sessionId, index + 1));
  const frames: Buffer[] = [];
  for (let from = 0; from < length; from += MESSAGES_A_FRAME) {
    const messages = history.slice(from, from + MESSAGES_A_FRAME);
    const frame = create(StreamMessagesResponseSchema, {
      resumeToken: nextId(),
      frame: { case: "messages", value: { messages } },
    });
    frames.push(Buffer.from(toBinary(StreamMessagesResponseSchema, frame)));
  }
  return frames;
}

/** Sets what the server sets, so that answers are as large as the server's. */
function store(message: Message, sessionId: string, sequence: number): Message {
  return Object.assign(message, {
    sessionId,
    sequence: BigInt(sequence),
    status: MessageStatus.COMPLETE,
    createdAt: TIME,
    updatedAt: TIME,
    version: 1n,
    revision: BigInt(sequence),
  });
}
