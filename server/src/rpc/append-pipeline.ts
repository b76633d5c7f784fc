import { create, toBinary } from "@bufbuild/protobuf";
import {
  type PipelineAppendsRequest,
  PipelineAppendsResponseSchema,
} from "@mofa-state/proto/mofa/state/v1/message_pb.js";
import type { AppendInput } from "../domain/append-input.js";
import { Checks } from "../domain/checks.js";
import type { Logger } from "../domain/log.js";
import type { Appended } from "../domain/storage.js";
import { encodePipelined } from "./append-encoder.js";
import { fromAppendRequest } from "./convert-append.js";
import type { Requests } from "./request-stream.js";
import { toStatusMessage } from "./status.js";

const MAX_REQUEST_ID_BYTES = 255;

/** How many requests may be unanswered, and how many bytes they and their responses have. */
const MAX_UNANSWERED = 1_024;
const MAX_UNANSWERED_BYTES = 16 * 1024 * 1024;

/** How many may be at the beginning, while nothing is known of their responses. */
const FIRST_UNANSWERED = 32;

/** What is left of the largest response with every other one: it need not come again. */
const FORGETTING = 0.98;

/** A response that is ready, and how many bytes were counted for it. */
interface Answer {
  readonly response: Uint8Array;
  readonly countedBytes: number;
}

/**
 * The appends of one stream: each is started when it is read, and answered when it is done.
 *
 * It reads no further while as much is unanswered as it holds. How large a response will be
 * is not known before: as large as the largest so far is reckoned with.
 */
export class AppendPipeline {
  readonly #append: (input: AppendInput) => Promise<Appended>;
  readonly #logger: Logger;
  readonly #answers: Answer[] = [];
  #unanswered = 0;
  #unansweredBytes = 0;
  /** Grows with every answer, to {@link MAX_UNANSWERED}. */
  #maxUnanswered = FIRST_UNANSWERED;
  /** How many bytes a response may well have: that of a repeated append can be far larger than its request. */
  #largestResponse = 0;
  #isStopped = false;
  #end: { readonly failure?: { readonly error: unknown } } | undefined;
  #onAnswer: (() => void) | undefined;
  #onRoom: (() => void) | undefined;

  /** `append` starts an append when it is called; those to one session are done in order. */
  constructor(append: (input: AppendInput) => Promise<Appended>, logger: Logger) {
    this.#append = append;
    this.#logger = logger;
  }

  /** Carries out the requests, until there are no more, or one cannot be read. Never rejects. */
  async run(requests: Requests<PipelineAppendsRequest>): Promise<void> {
    try {
      for await (const request of requests) {
        if (this.#isStopped) break;
        void this.#carryOut(request, requests.lastByteLength);
        while (this.#isFull && !this.#isStopped) await this.#room();
      }
      this.#end = {};
    } catch (error) {
      this.#end = { failure: { error } };
    }
    this.#onAnswer?.();
  }

  /**
   * Gives the encoded responses, each when it is ready, and ends when all requests are
   * answered.
   *
   * @throws StateError at the end, if a request could not be read.
   */
  async *responses(): AsyncGenerator<Uint8Array, void> {
    while (!this.#isStopped) {
      const answer = this.#answers.shift();
      if (answer !== undefined) {
        this.#unanswered -= 1;
        this.#unansweredBytes -= answer.countedBytes;
        this.#maxUnanswered = Math.min(this.#maxUnanswered + 1, MAX_UNANSWERED);
        this.#onRoom?.();
        yield answer.response;
      } else if (this.#end !== undefined && this.#unanswered === 0) {
        if (this.#end.failure !== undefined) throw this.#end.failure.error;
        return;
      } else await this.#answer();
    }
  }

  /** Reads and answers no further. What is under way is done, but nobody is told. */
  stop(): void {
    this.#isStopped = true;
    this.#onRoom?.();
    this.#onAnswer?.();
  }

  async #carryOut(request: PipelineAppendsRequest, requestBytes: number): Promise<void> {
    this.#unanswered += 1;
    const expectedBytes = requestBytes + this.#largestResponse;
    this.#unansweredBytes += expectedBytes;
    const response = await this.#respond(request);
    const { byteLength } = response;
    this.#largestResponse = Math.max(byteLength, FORGETTING * this.#largestResponse);
    this.#unansweredBytes += byteLength - expectedBytes;
    this.#answers.push({ response, countedBytes: byteLength });
    this.#onAnswer?.();
  }

  async #respond(request: PipelineAppendsRequest): Promise<Uint8Array> {
    const { requestId } = request;
    try {
      return encodePipelined(requestId, await this.#append(checkRequest(request)));
    } catch (error) {
      const value = toStatusMessage(error, this.#logger);
      const response = { requestId, outcome: { case: "error", value } } as const;
      return toBinary(
        PipelineAppendsResponseSchema,
        create(PipelineAppendsResponseSchema, response),
      );
    }
  }

  get #isFull(): boolean {
    return this.#unanswered >= this.#maxUnanswered || this.#unansweredBytes >= MAX_UNANSWERED_BYTES;
  }

  #room(): Promise<void> {
    return new Promise((resolve) => {
      this.#onRoom = resolve;
    });
  }

  #answer(): Promise<void> {
    return new Promise((resolve) => {
      this.#onAnswer = resolve;
    });
  }
}

function checkRequest({ requestId, append }: PipelineAppendsRequest): AppendInput {
  const checks = new Checks();
  if (Buffer.byteLength(requestId) > MAX_REQUEST_ID_BYTES) {
    checks.add("request_id", `must not exceed ${MAX_REQUEST_ID_BYTES} bytes`);
  }
  if (append === undefined) checks.add("append", "is required");
  checks.throwIfAny();
  if (append === undefined) throw new Error("a request without an append passed its checks");
  return fromAppendRequest(append);
}
