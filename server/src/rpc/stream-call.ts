import type { DescMessage, MessageShape } from "@bufbuild/protobuf";
import type { CallEnvironment } from "./call-environment.js";
import type { CallAnswer, IncomingCall } from "./calls/incoming-call.js";
import { decodeRequest, encodeReply, type MethodTypes, type Reply } from "./codec.js";
import { type CallContext, LazyContext } from "./context.js";
import { RequestStream, type Requests } from "./request-stream.js";
import { ResponseStream } from "./response-stream.js";
import { SingleRequest } from "./single-request.js";

/** Answers one request with a stream of replies. */
export type ServerStreamHandler<I extends DescMessage, O extends DescMessage> = (
  request: MessageShape<I>,
  context: CallContext,
) => AsyncIterable<Reply<O>>;

/** Answers a stream of requests with a stream of replies. */
export type BidiHandler<I extends DescMessage, O extends DescMessage> = (
  requests: Requests<MessageShape<I>>,
  context: CallContext,
) => AsyncIterable<Reply<O>>;

/**
 * Answers calls by a handler of a server stream.
 *
 * The headers go out at once; the handler is asked for the next reply when there is room
 * for it, and its iterator is returned when the client goes away. Whatever the handler
 * does, the client gets an end and the process lives on.
 */
export function serverStreamCall<I extends DescMessage, O extends DescMessage>(
  method: MethodTypes<I, O>,
  handler: ServerStreamHandler<I, O>,
  environment: CallEnvironment,
): CallAnswer {
  return (call, headers) =>
    new SingleRequest(call, environment.logger, (bytes) => {
      const stream = toResponseStream(call, method.output, environment);
      call.onOver = () => stream.leave();
      const end = respond(stream, environment, () => {
        const context = new LazyContext(environment.tenantOf(headers), stream.abort);
        return handler(decodeRequest(method.input, bytes), context);
      });
      call.during(end);
    });
}

/** Answers calls by a handler of a bidirectional stream, as {@link serverStreamCall} does. */
export function bidiCall<I extends DescMessage, O extends DescMessage>(
  method: MethodTypes<I, O>,
  handler: BidiHandler<I, O>,
  environment: CallEnvironment,
): CallAnswer {
  return (call, headers) => {
    const stream = toResponseStream(call, method.output, environment);
    const requests = new RequestStream(method.input, call);
    call.onOver = () => {
      stream.leave();
      requests.cut();
    };
    const end = respond(stream, environment, () =>
      handler(requests, new LazyContext(environment.tenantOf(headers), stream.abort)),
    );
    call.during(end);
    // The call itself is not over before its client has read what was sent.
    void end.then(() => requests.cut());
    return requests;
  };
}

function toResponseStream<O extends DescMessage>(
  call: IncomingCall,
  output: O,
  { logger }: CallEnvironment,
): ResponseStream<Reply<O>> {
  return new ResponseStream(call, logger, (reply) => encodeReply(output, reply));
}

async function respond<R>(
  stream: ResponseStream<R>,
  { liveStreams, logger }: CallEnvironment,
  replies: () => AsyncIterable<R>,
): Promise<void> {
  liveStreams.add(stream);
  try {
    await stream.run(replies);
  } catch (error) {
    logger.error({ err: error }, "a stream could not be ended");
  } finally {
    liveStreams.delete(stream);
  }
}
