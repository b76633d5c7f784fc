import { fromBinary, type MessageInitShape } from "@bufbuild/protobuf";
import type { ServerWritableStream } from "@grpc/grpc-js";
import type { FollowOptions, Message, Session, SessionEvent } from "@mofa-state/client";
import {
  MessageService,
  MessageStatus,
  Role,
  type StreamMessagesRequest,
} from "@mofa-state/proto/mofa/state/v1/message_pb.js";
import { encoded } from "./scripted-server.js";

const { input, output } = MessageService.method.streamMessages;

/** A call of StreamMessages, as a scripted server has it. */
export type Stream = ServerWritableStream<Buffer, Buffer>;

/** The request of a call. */
export function request(call: Stream): StreamMessagesRequest {
  return fromBinary(input, call.request);
}

/** A frame with a message for each of these sequences. */
export function batch(resumeToken: string, ...sequences: number[]): Buffer {
  const time = { seconds: 1n };
  const messages = sequences.map((sequence) => ({
    sequence: BigInt(sequence),
    role: Role.USER,
    status: MessageStatus.COMPLETE,
    createdAt: time,
    updatedAt: time,
  }));
  return encoded(output, { resumeToken, frame: { case: "messages", value: { messages } } });
}

/** A frame of any kind. */
export function frame(
  resumeToken: string,
  init: NonNullable<MessageInitShape<typeof output>["frame"]>,
): Buffer {
  return encoded(output, { resumeToken, frame: init });
}

/** A frame that only says that the stream is alive. */
export function heartbeat(resumeToken: string): Buffer {
  return frame(resumeToken, { case: "heartbeat", value: {} });
}

/** The last frame of a stream that does not follow. */
export function caughtUp(resumeToken: string): Buffer {
  const value = { headSequence: 4n, revision: 9n };
  return encoded(output, { resumeToken, frame: { case: "caughtUp", value } });
}

/** Ends a stream with a frame and the last one. */
export function finish(call: Stream, frame: Buffer): void {
  call.write(frame);
  call.write(caughtUp("end"));
  call.end();
}

/** Gives the sequences of all messages of a stream. */
export async function sequences(messages: AsyncIterable<Message>): Promise<number[]> {
  const found: number[] = [];
  for await (const { sequence } of messages) found.push(sequence);
  return found;
}

/** Follows until so many events have come. */
export async function take(
  session: Session,
  count: number,
  options?: FollowOptions,
): Promise<SessionEvent[]> {
  const events: SessionEvent[] = [];
  for await (const event of session.follow(options)) {
    events.push(event);
    if (events.length === count) break;
  }
  return events;
}
