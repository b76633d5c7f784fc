import type { DescMessage, MessageShape } from "@bufbuild/protobuf";
import type { handleUnaryCall, ServerUnaryCall, sendUnaryData } from "@grpc/grpc-js";
import type { CallEnvironment } from "./call-environment.js";
import { decodeRequest, encodeReply, type MethodTypes, type Reply } from "./codec.js";
import type { CallContext } from "./context.js";
import { toStatus } from "./status.js";

/** Answers one request with one reply. */
export type UnaryHandler<I extends DescMessage, O extends DescMessage> = (
  request: MessageShape<I>,
  context: CallContext,
) => Promise<Reply<O>>;

/**
 * Makes a handler one of grpc-js.
 *
 * Whatever the handler does, the client gets an answer and the process lives on.
 */
export function unaryCall<I extends DescMessage, O extends DescMessage>(
  method: MethodTypes<I, O>,
  handler: UnaryHandler<I, O>,
  environment: CallEnvironment,
): handleUnaryCall<Buffer, Buffer> {
  const { logger, maxRequestBytes, tenantOf } = environment;

  async function answer(call: ServerUnaryCall<Buffer, Buffer>): Promise<UnaryOutcome> {
    try {
      const context = new UnaryContext(tenantOf(call.metadata), call);
      const request = decodeRequest(method.input, call.request, maxRequestBytes);
      const reply = await handler(request, context);
      return [null, encodeReply(method.output, reply)];
    } catch (error) {
      return [call.cancelled ? GONE : toStatus(error, logger)];
    }
  }

  return (call, callback) => {
    void answer(call)
      .then((outcome) => callback(...outcome))
      .catch((error: unknown) => logger.error({ err: error }, "an answer could not be sent"));
  };
}

type UnaryOutcome = Parameters<sendUnaryData<Buffer>>;

/** Nobody reads the answer to a call that was cancelled, and its failure is no defect. */
const GONE = { details: "the call was cancelled" };

/** The context of a unary call; most handlers never ask for its signal. */
class UnaryContext implements CallContext {
  readonly tenantId: string;
  readonly #call: Pick<ServerUnaryCall<Buffer, Buffer>, "cancelled" | "once">;
  #controller: AbortController | undefined;

  constructor(tenantId: string, call: ServerUnaryCall<Buffer, Buffer>) {
    this.tenantId = tenantId;
    this.#call = call;
  }

  get aborted(): boolean {
    return this.#call.cancelled;
  }

  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      const controller = new AbortController();
      this.#controller = controller;
      if (this.#call.cancelled) controller.abort();
      else this.#call.once("cancelled", () => controller.abort());
    }
    return this.#controller.signal;
  }
}
