import type { DescMessage, MessageShape } from "@bufbuild/protobuf";
import type { CallEnvironment } from "./call-environment.js";
import { decodeRequest, encodeReply, type MethodTypes, type Reply } from "./codec.js";
import type { CallContext } from "./context.js";
import type { CallAnswer, IncomingCall } from "./incoming-call.js";
import { SingleRequest } from "./single-request.js";
import { toStatus } from "./status.js";

/** Answers one request with one reply. */
export type UnaryHandler<I extends DescMessage, O extends DescMessage> = (
  request: MessageShape<I>,
  context: CallContext,
) => Promise<Reply<O>>;

/**
 * Answers calls by a handler that gives one reply.
 *
 * Whatever the handler does, the client gets an answer and the process lives on.
 */
export function unaryCall<I extends DescMessage, O extends DescMessage>(
  method: MethodTypes<I, O>,
  handler: UnaryHandler<I, O>,
  environment: CallEnvironment,
): CallAnswer {
  const { logger, maxRequestBytes, tenantOf } = environment;

  async function answer(call: IncomingCall, bytes: Buffer): Promise<void> {
    const context = new UnaryContext();
    call.onCancelled = () => context.abort();
    try {
      context.tenantId = tenantOf(call.metadata);
      const request = decodeRequest(method.input, bytes, maxRequestBytes);
      call.send(encodeReply(method.output, await handler(request, context)), doNothing);
      call.end();
    } catch (error) {
      // Nobody reads the answer to a call that was cancelled, and its failure is no defect.
      if (!context.aborted) call.fail(toStatus(error, logger));
    }
  }

  return (call) =>
    new SingleRequest(call, (bytes) => {
      answer(call, bytes).catch((error: unknown) =>
        logger.error({ err: error }, "an answer could not be sent"),
      );
    });
}

/** The context of a unary call; most handlers never ask for its signal. */
class UnaryContext implements CallContext {
  tenantId = "";
  #isAborted = false;
  #controller: AbortController | undefined;

  get aborted(): boolean {
    return this.#isAborted;
  }

  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController();
      if (this.#isAborted) this.#controller.abort();
    }
    return this.#controller.signal;
  }

  /** The answer is not wanted any more. */
  abort(): void {
    this.#isAborted = true;
    this.#controller?.abort();
  }
}

function doNothing(): void {}
