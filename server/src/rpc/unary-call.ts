import type { DescMessage, MessageShape } from "@bufbuild/protobuf";
import type { CallEnvironment } from "./call-environment.js";
import { type CallAnswer, type IncomingCall, OVER } from "./calls/incoming-call.js";
import { decodeRequest, encodeReply, type MethodTypes, type Reply } from "./codec.js";
import { type CallContext, LazyContext } from "./context.js";
import type { HeaderFields } from "./http2/hpack/header-list.js";
import { LazyAbort } from "./lazy-abort.js";
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
  const { logger, tenantOf } = environment;

  async function answer(call: IncomingCall, headers: HeaderFields, bytes: Buffer): Promise<void> {
    const abort = new LazyAbort();
    call.onOver = () => abort.abort(OVER);
    try {
      const context = new LazyContext(tenantOf(headers), abort);
      const request = decodeRequest(method.input, bytes);
      call.end(encodeReply(method.output, await handler(request, context)));
    } catch (error) {
      // Nobody reads the answer to a call that was cancelled, and its failure is no defect.
      if (!abort.aborted) call.fail(toStatus(error, logger));
    }
  }

  return (call, headers) =>
    new SingleRequest(call, logger, (bytes) => {
      const answered = answer(call, headers, bytes).catch((error: unknown) =>
        logger.error({ err: error }, "an answer could not be sent"),
      );
      call.during(answered);
    });
}
