import { create } from "@bufbuild/protobuf";
import {
  MessageService,
  type StreamMessagesRequest,
  StreamMessagesRequestSchema,
  type StreamMessagesResponse,
} from "@mofa-state/proto/mofa/state/v1/message_pb.js";
import type { GrpcClient, StreamCall } from "./grpc-client.js";

const PATIENCE_MS = 10_000;

/** What a frame brings. */
export type Frame = StreamMessagesResponse["frame"];

interface Expectation {
  readonly isMet: (frame: Frame) => boolean;
  readonly resolve: (arrivedAt: number) => void;
  readonly reject: (error: Error) => void;
}

/** Follows a session through grpc-js, and decodes all of it. */
export class Follower {
  readonly #call: StreamCall;
  readonly #onFrame: ((frame: Frame, arrivedAt: number) => void) | undefined;
  #expected: Expectation | undefined;
  #failure: Error | undefined;

  private constructor(
    client: GrpcClient,
    request: StreamMessagesRequest,
    onFrame?: (frame: Frame, arrivedAt: number) => void,
  ) {
    this.#onFrame = onFrame;
    this.#call = client.stream(MessageService.method.streamMessages, request, ({ frame }) => {
      this.#receive(frame, performance.now());
    });
    this.#call.ended.then(
      () => this.#fail(new Error("a stream that was followed has ended")),
      (error: Error) => this.#fail(error),
    );
  }

  /** Follows a session with what is still to come, and returns when it has caught up. */
  static async open(
    client: GrpcClient,
    sessionId: string,
    onFrame?: (frame: Frame, arrivedAt: number) => void,
  ): Promise<Follower> {
    const request = create(StreamMessagesRequestSchema, {
      sessionId,
      start: { case: "lastMessages", value: 0 },
      follow: true,
      includeDeltas: true,
    });
    const follower = new Follower(client, request, onFrame);
    await follower.until((frame) => frame.case === "caughtUp");
    return follower;
  }

  /**
   * Waits for a frame, and gives the time at which it was decoded.
   *
   * @throws Error if the stream ends, or the frame does not come.
   */
  async until(isMet: (frame: Frame) => boolean): Promise<number> {
    let timer: NodeJS.Timeout | undefined;
    try {
      return await new Promise((resolve, reject) => {
        if (this.#failure) reject(this.#failure);
        this.#expected = { isMet, resolve, reject };
        timer = setTimeout(() => reject(new Error("a follower waits in vain")), PATIENCE_MS);
      });
    } finally {
      clearTimeout(timer);
    }
  }

  /** Ends the stream. */
  close(): void {
    this.#call.cancel();
  }

  #receive(frame: Frame, arrivedAt: number): void {
    this.#onFrame?.(frame, arrivedAt);
    const expected = this.#expected;
    if (!expected?.isMet(frame)) return;
    this.#expected = undefined;
    expected.resolve(arrivedAt);
  }

  #fail(error: Error): void {
    this.#failure = error;
    this.#expected?.reject(error);
  }
}
