import { Duplex } from "node:stream";
import { Metadata, ServerInterceptingCall, type ServerInterceptor, status } from "@grpc/grpc-js";
import type { FailedStatus } from "./status.js";

/** A call as grpc-js gives it to an interceptor. */
type GrpcCall = ConstructorParameters<typeof ServerInterceptingCall>[0];
type Listener = Parameters<GrpcCall["start"]>[0];

/** Who is told what a client sends on a call. */
export interface RequestListener {
  /** Has a request. The next one comes after another {@link IncomingCall.read}. */
  onRequest(bytes: Buffer): void;
  /** The client sends no more: it has said so, or it has gone, which is told afterwards. */
  onHalfClose(): void;
}

/** Begins to answer a call that came with some metadata, and gives who is told of its requests. */
export type CallAnswer = (call: IncomingCall, metadata: Metadata) => RequestListener;

/**
 * Answers calls by the paths of their methods; others are left to grpc-js.
 *
 * grpc-js would make an emitter or a stream of Node for each, with a queue of its own that
 * hands the next message on when the one before has been written, one a turn of the event loop.
 */
export function answeringCalls(answers: ReadonlyMap<string, CallAnswer>): ServerInterceptor {
  return ({ path }, call) => {
    const answer = answers.get(path);
    // Others are left as they are: nothing but the interface is asked of what this gives.
    return answer === undefined ? (call as ServerInterceptingCall) : new AnsweredCall(call, answer);
  };
}

class AnsweredCall extends ServerInterceptingCall {
  readonly #call: GrpcCall;
  readonly #answer: CallAnswer;

  constructor(call: GrpcCall, answer: CallAnswer) {
    super(call);
    this.#call = call;
    this.#answer = answer;
  }

  /** Keeps the call from the listener of grpc-js, which would answer it. */
  override start(): void {
    this.#call.start(new IncomingCall(this.#call, this.#answer));
  }
}

/** Why what is done for a call is given up when that is over: made once, since an `AbortError` costs as much as a read. */
export const OVER = new Error("the call is over, and its client takes and sends no more");

/** One call of a client. */
export class IncomingCall implements Listener {
  /** Is called once when the call is over, however it ended: nothing more is sent then. */
  onOver: (() => void) | undefined;
  #isOver = false;
  readonly #call: GrpcCall;
  readonly #answer: CallAnswer;
  #requests: RequestListener | undefined;

  constructor(call: GrpcCall, answer: CallAnswer) {
    this.#call = call;
    this.#answer = answer;
  }

  /** When the call has to be over, in milliseconds since 1970; infinite for no deadline. */
  get deadline(): number {
    return Number(this.#call.getDeadline());
  }

  /** Asks for the next request. */
  read(): void {
    this.#call.startRead();
  }

  /** Sends the headers, which come before the first message in any case. */
  sendHeaders(): void {
    this.#call.sendMetadata(new Metadata());
  }

  /** Sends a message. `onSent` is called when it has left, or never if the call has ended before. */
  send(message: Buffer, onSent: () => void): void {
    this.#call.sendMessage(message, onSent);
  }

  /** Ends the call well, after what was sent. */
  end(): void {
    this.#call.sendStatus({ code: status.OK, details: "OK" });
  }

  /** Ends the call with an error, after what was sent. */
  fail(failure: FailedStatus): void {
    this.#call.sendStatus(failure);
  }

  onReceiveMetadata(metadata: Metadata): void {
    this.#requests = this.#answer(this, metadata);
  }

  // grpc-js passes on what a client sends after a call that it has refused itself: what is
  // over must not begin, since nobody would be told of its end.
  onReceiveMessage(bytes: Buffer): void {
    if (!this.#isOver) this.#requests?.onRequest(bytes);
  }

  onReceiveHalfClose(): void {
    if (!this.#isOver) this.#requests?.onHalfClose();
  }

  onCancel(): void {
    this.#isOver = true;
    this.onOver?.();
    letGoOf(this.#call);
  }
}

/**
 * Lets go of what a call holds that is over.
 *
 * Node keeps the streams of a connection in a Map, and V8 links each table that such a Map has
 * outgrown to the next one. Once one of them is old, the quick collections of garbage keep every
 * stream that comes after it, with all that hears it: three KiB a call, until the heap is marked.
 * grpc-js keeps the stream to itself: where it does not have it here, only that time is lost.
 */
function letGoOf(call: object): void {
  const stream = "stream" in call ? call.stream : undefined;
  if (!(stream instanceof Duplex)) return;
  // grpc-js hears it, and does nothing with it any more.
  stream.removeAllListeners("data");
  // Where data is left, Node waits for the end, to close the stream.
  if (stream.readableEnded) stream.removeAllListeners("end");
}
