import type { DescMessage, MessageShape } from "@bufbuild/protobuf";
import type { handleBidiStreamingCall, handleServerStreamingCall } from "@grpc/grpc-js";
import type { CallEnvironment } from "./call-environment.js";
import { decodeRequest, encodeReply, type MethodTypes, type Reply } from "./codec.js";
import type { CallContext } from "./context.js";
import { RequestStream, type Requests } from "./request-stream.js";
import { type RespondingCall, ResponseStream } from "./response-stream.js";

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
 * Makes a handler of a server stream one of grpc-js.
 *
 * The headers go out at once; the handler is asked for the next reply when there is room
 * for it, and its iterator is returned when the client goes away. Whatever the handler
 * does, the client gets an end and the process lives on.
 */
export function serverStreamCall<I extends DescMessage, O extends DescMessage>(
  method: MethodTypes<I, O>,
  handler: ServerStreamHandler<I, O>,
  environment: CallEnvironment,
): handleServerStreamingCall<Buffer, Buffer> {
  return (call) =>
    respond(call, method.output, environment, (context) => {
      const request = decodeRequest(method.input, call.request, environment.maxRequestBytes);
      return handler(request, context);
    });
}

/** Makes a handler of a bidirectional stream one of grpc-js, as {@link serverStreamCall} does. */
export function bidiCall<I extends DescMessage, O extends DescMessage>(
  method: MethodTypes<I, O>,
  handler: BidiHandler<I, O>,
  environment: CallEnvironment,
): handleBidiStreamingCall<Buffer, Buffer> {
  return (call) =>
    respond(call, method.output, environment, (context) => {
      const requests = new RequestStream(method.input, call, environment.maxRequestBytes);
      return handler(requests, context);
    });
}

function respond<O extends DescMessage>(
  call: RespondingCall,
  output: O,
  environment: CallEnvironment,
  replies: (context: CallContext) => AsyncIterable<Reply<O>>,
): void {
  const { liveStreams, logger, tenantOf } = environment;
  const stream = new ResponseStream<Reply<O>>(call, logger, (reply) => encodeReply(output, reply));
  liveStreams.add(stream);
  void stream
    .run((signal) => replies({ tenantId: tenantOf(call.metadata), signal }))
    .catch((error: unknown) => logger.error({ err: error }, "a stream could not be ended"))
    .finally(() => liveStreams.delete(stream));
}
