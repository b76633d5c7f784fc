import { create } from "@bufbuild/protobuf";
import {
  MessageService,
  type PipelineAppendsRequest,
  PipelineAppendsRequestSchema,
  type PipelineAppendsResponse,
} from "@mofa-state/proto/mofa/state/v1/message_pb.js";
import type { BidiCall, GrpcClient } from "./grpc-client.js";
import { newMessage } from "./payload.js";

/** What is appended through a pipeline. */
export interface PipelineOptions {
  /** The appends take them in turn. */
  readonly sessionIds: readonly string[];
  /** Called for each append that was stored. */
  readonly onStored?: () => void;
}

/** Appends of one message each on one stream of PipelineAppends. */
export class Pipeline {
  readonly #call: BidiCall<PipelineAppendsRequest>;
  readonly #sessionIds: readonly string[];
  #failure: Error | undefined;
  #sent = 0;

  constructor(client: GrpcClient, { sessionIds, onStored }: PipelineOptions) {
    this.#sessionIds = sessionIds;
    this.#call = client.bidi(
      MessageService.method.pipelineAppends,
      ({ outcome }: PipelineAppendsResponse) => {
        if (outcome.case === "response") onStored?.();
        else this.#fail(outcome.value?.message ?? "nothing");
      },
    );
  }

  /** Sends an append. */
  send(): void {
    const sessionId = this.#sessionIds[this.#sent % this.#sessionIds.length] ?? "";
    const request = create(PipelineAppendsRequestSchema, {
      requestId: String(this.#sent),
      append: { sessionId, messages: [newMessage()] },
    });
    this.#sent += 1;
    this.#call.send(request);
  }

  /**
   * Waits for all answers.
   *
   * @throws Error if one of them was an error, or the stream broke.
   */
  async end(): Promise<void> {
    this.#call.end();
    await this.ended;
  }

  /** Resolves when the stream has ended, and rejects if that was not in good order. */
  get ended(): Promise<void> {
    return this.#call.ended.then(() => {
      if (this.#failure) throw this.#failure;
    });
  }

  #fail(message: string): void {
    this.#failure ??= new Error(`an append of a pipeline was answered with: ${message}`);
    this.#call.cancel();
  }
}
