import {
  type Message as ProtoMessage,
  type WriteAcknowledged,
  type WriteMessageRequest,
  WriteMessageRequestSchema,
} from "@mofa-state/proto/mofa/state/v1/message_pb.js";
import type { CallOptions } from "../call-options.js";
import { toMessage } from "../convert/message.js";
import { fromInt64 } from "../convert/scalar.js";
import { fromPartDelta, fromTextDelta } from "../convert/write-requests.js";
import { StateError } from "../errors.js";
import type { Message } from "../model/message.js";
import type { WritingStart } from "../model/writing.js";
import { quiet } from "../quiet.js";
import { AnswerWait } from "../transport/answer-wait.js";
import type { Backoff } from "../transport/backoff.js";
import type { DuplexCall } from "../transport/duplex-call.js";
import { messageMethods } from "../transport/methods.js";
import type { Transport } from "../transport/transport.js";
import { encode } from "../transport/wire.js";
import type { End } from "./end.js";
import type { Extent, Piece, SendBuffer } from "./send-buffer.js";

/** What a stream sends, and whom it tells. */
export interface Writing {
  /** What opens it, and opens it again after a break. */
  readonly start: WriteMessageRequest;
  /** What is to be sent; the stream drops what is acknowledged. */
  readonly buffer: SendBuffer;
  /** Is called when something was acknowledged, and at the end. */
  readonly onProgress: () => void;
}

/** The stream of one message to the server, opened again as often as it breaks. */
export class WriteStream {
  /** Where the writing began, once the server has told; it fails if the writing does before. */
  readonly opened: Promise<WritingStart>;
  /** The message, once it is finished; it fails when the writing has failed for good. */
  readonly result: Promise<Message>;
  readonly #transport: Transport;
  readonly #writing: Writing;
  readonly #start: Buffer;
  readonly #signal: AbortSignal | undefined;
  readonly #wait: AnswerWait;
  #backoff: Backoff;
  /** The call, once the server has answered its start. */
  #call: DuplexCall | undefined;
  #end: End | undefined;
  /** The last call that the end was sent on. */
  #endedCall: DuplexCall | undefined;
  #resolveOpened: (start: WritingStart) => void = () => undefined;

  /** @throws StateError `invalid_argument` if an option or the start cannot be used. */
  constructor(transport: Transport, writing: Writing, options: CallOptions) {
    this.#transport = transport;
    this.#writing = writing;
    this.#start = encode(WriteMessageRequestSchema, writing.start);
    this.#signal = options.signal;
    this.#wait = new AnswerWait(transport.limits(options).timeoutMs);
    this.#backoff = transport.backoff();
    this.result = quiet(this.#run());
    this.opened = quiet(
      new Promise((resolve, reject) => {
        this.#resolveOpened = resolve;
        this.result.catch(reject);
      }),
    );
  }

  /** Sends what the buffer holds, now or as soon as the server can be reached. */
  flush(): void {
    this.#wait.begin();
    this.#send();
  }

  /** Ends the message after what the buffer holds. Nothing may be added any more. */
  finish(end: End): void {
    this.#end = end;
    this.flush();
  }

  async #run(): Promise<Message> {
    for (;;) {
      this.#wait.begin();
      try {
        return await this.#attempt();
      } catch (cause) {
        const limits = { deadline: this.#wait.deadline, signal: this.#signal };
        await this.#backoff.pauseAfter(this.#toBreak(cause), limits);
      }
    }
  }

  async #attempt(): Promise<Message> {
    const limits = { deadline: this.#wait.deadline, signal: this.#signal };
    let finish: (message: ProtoMessage) => void = () => undefined;
    const finished = new Promise<ProtoMessage>((resolve) => {
      finish = resolve;
    });
    const call = await this.#transport.duplex(messageMethods.writeMessage, limits, ({ write }) => {
      if (write.case === "acknowledged") this.#acknowledge(call, write.value);
      else if (write.case === "message") finish(write.value);
    });
    const stopWatching = this.#wait.watch(call);
    try {
      call.send(this.#start);
      return this.#toResult(await Promise.race([finished, failsAtEnd(call)]));
    } finally {
      stopWatching();
      this.#call = undefined;
      call.finish();
    }
  }

  #acknowledge(call: DuplexCall, { offset, partCount, sequence }: WriteAcknowledged): void {
    const { buffer, onProgress } = this.#writing;
    const extent = { offset: fromInt64(offset), partCount };
    buffer.acknowledge(extent);
    this.#wait.answered(buffer.bytes > 0 || this.#end !== undefined);
    if (this.#call === undefined) {
      this.#call = call;
      this.#backoff = this.#transport.backoff();
      this.#resolveOpened({ ...extent, sequence: fromInt64(sequence), message: undefined });
      buffer.rewind();
      this.#send();
    }
    onProgress();
  }

  #send(): void {
    const call = this.#call;
    if (call === undefined || call === this.#endedCall) return;
    for (const piece of this.#writing.buffer.unsent()) {
      call.send(encode(WriteMessageRequestSchema, toDelta(piece)));
    }
    if (this.#end === undefined) return;
    this.#endedCall = call;
    call.send(this.#end.request);
    call.finish();
  }

  #toResult(answer: ProtoMessage): Message {
    const message = toMessage(answer);
    const { sequence, content, parts } = message;
    const actual = { offset: Buffer.byteLength(content), partCount: parts.length };
    this.#resolveOpened({ sequence, ...actual, message });
    const expected = this.#toExpected(actual);
    if (!isSame(expected, actual)) throw notAsWritten(message.id, expected, actual);
    const isEnded = this.#endedCall !== undefined;
    if (!isEnded && this.#writing.buffer.bytes > 0) throw alreadyFinished(message.id);
    return message;
  }

  /** Gives what the finished message must have, as far as that is known. */
  #toExpected(actual: Extent): Extent {
    const { made = actual } = this.#writing.buffer;
    const isEnded = this.#endedCall !== undefined;
    return isEnded && this.#end?.hasParts ? { ...made, partCount: actual.partCount } : made;
  }

  #toBreak(cause: unknown): StateError {
    const error = this.#transport.toBreak(cause, this.#signal);
    if (error.reason !== "WRITE_INTERRUPTED") return error;
    return new StateError("unavailable", error.message, { cause: error });
  }
}

/** The error of text that is written to a message that is whole. */
export function alreadyFinished(messageId: string): StateError {
  const message = `message ${messageId} is finished: nothing can be added to it any more`;
  return new StateError("failed_precondition", message);
}

function isSame(extent: Extent, other: Extent): boolean {
  return extent.offset === other.offset && extent.partCount === other.partCount;
}

/** The error of a message that came back finished with more or less than this writer wrote. */
function notAsWritten(messageId: string, expected: Extent, actual: Extent): StateError {
  const message = `message ${messageId} is finished with ${toText(actual)}, where this writer has ${toText(expected)}: another writer finished it, or it was edited since; read the message to see what it is now`;
  const metadata = {
    expected: String(expected.offset),
    actual: String(actual.offset),
    expectedParts: String(expected.partCount),
    actualParts: String(actual.partCount),
  };
  return new StateError("aborted", message, { reason: "WRITER_REPLACED", metadata });
}

function toText({ offset, partCount }: Extent): string {
  return `${offset} bytes of content and ${partCount} parts`;
}

async function failsAtEnd(call: DuplexCall): Promise<never> {
  await call.ended;
  throw new StateError("unavailable", "the server ended the stream");
}

function toDelta(piece: Piece): WriteMessageRequest {
  if (piece.type === "text") return fromTextDelta(piece.text, piece.offset);
  return fromPartDelta(piece.part, piece.partIndex);
}
