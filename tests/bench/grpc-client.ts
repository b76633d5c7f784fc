import {
  type DescMessage,
  type DescMethodBiDiStreaming,
  type DescMethodServerStreaming,
  type DescMethodUnary,
  fromBinary,
  type MessageShape,
  toBinary,
} from "@bufbuild/protobuf";
import { Client, type ClientReadableStream, credentials } from "@grpc/grpc-js";

const MIB = 1024 * 1024;

/** How much may be on the way to a client, as the client package has it. */
export const WINDOW_BYTES = 4 * MIB;

/** A call that answers with a stream. */
export interface StreamCall {
  /** Resolves when the stream has ended with OK or was cancelled here; rejects with any other status. */
  readonly ended: Promise<void>;
  /** Ends it. */
  cancel(): void;
}

/** A call with a stream either way. */
export interface BidiCall<I> extends StreamCall {
  send(request: I): void;
  /** Ends this side's stream. */
  end(): void;
}

/** A client of plain grpc-js and protobuf-es, the same for the server and the echo. */
export class GrpcClient {
  readonly #client: Client;

  constructor(address: string) {
    this.#client = new Client(address, credentials.createInsecure(), {
      "grpc-node.flow_control_window": WINDOW_BYTES,
      "grpc.max_receive_message_length": 32 * MIB,
      "grpc.enable_channelz": 0,
      "grpc.enable_retries": 0,
      // Two clients of one server have a connection each.
      "grpc.use_local_subchannel_pool": 1,
    });
  }

  /** Calls a method that answers once. Rejects with any status but OK. */
  unary<I extends DescMessage, O extends DescMessage>(
    method: DescMethodUnary<I, O>,
    request: MessageShape<I>,
  ): Promise<MessageShape<O>> {
    const { path, encode, decode } = codecOf(method);
    return new Promise((resolve, reject) => {
      this.#client.makeUnaryRequest(path, encode, decode, request, (error, reply) => {
        if (reply === undefined) reject(error ?? new Error("the answer is missing"));
        else resolve(reply);
      });
    });
  }

  /** Calls a method that answers with a stream. */
  stream<I extends DescMessage, O extends DescMessage>(
    method: DescMethodServerStreaming<I, O>,
    request: MessageShape<I>,
    onReply: (reply: MessageShape<O>) => void,
  ): StreamCall {
    const { path, encode, decode } = codecOf(method);
    const call = this.#client.makeServerStreamRequest(path, encode, decode, request);
    return toStreamCall(call, onReply);
  }

  /** Calls a method with a stream either way. */
  bidi<I extends DescMessage, O extends DescMessage>(
    method: DescMethodBiDiStreaming<I, O>,
    onReply: (reply: MessageShape<O>) => void,
  ): BidiCall<MessageShape<I>> {
    const { path, encode, decode } = codecOf(method);
    const call = this.#client.makeBidiStreamRequest(path, encode, decode);
    return {
      ...toStreamCall(call, onReply),
      send: (request) => void call.write(request),
      end: () => void call.end(),
    };
  }

  /** Ends the connection. */
  close(): void {
    this.#client.close();
  }
}

interface Method<I extends DescMessage, O extends DescMessage> {
  readonly parent: { readonly typeName: string };
  readonly name: string;
  readonly input: I;
  readonly output: O;
}

function codecOf<I extends DescMessage, O extends DescMessage>(method: Method<I, O>) {
  return {
    path: `/${method.parent.typeName}/${method.name}`,
    encode: (message: MessageShape<I>) => toBuffer(toBinary(method.input, message)),
    decode: (bytes: Buffer) => fromBinary(method.output, bytes),
  };
}

function toStreamCall<T>(
  call: Pick<ClientReadableStream<T>, "on" | "cancel">,
  onReply: (reply: T) => void,
): StreamCall {
  let isCancelled = false;
  const ended = new Promise<void>((resolve, reject) => {
    call.on("data", onReply);
    call.on("end", resolve);
    call.on("error", (error: Error) => {
      if (isCancelled) resolve();
      else reject(error);
    });
  });
  return {
    ended,
    cancel() {
      isCancelled = true;
      call.cancel();
    },
  };
}

/** Gives bytes as the Buffer that grpc-js asks for, without a copy. */
function toBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
