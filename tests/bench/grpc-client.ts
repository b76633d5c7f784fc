import {
  type DescMessage,
  type DescMethodServerStreaming,
  type DescMethodUnary,
  fromBinary,
  type MessageShape,
  toBinary,
} from "@bufbuild/protobuf";
import { Client, credentials } from "@grpc/grpc-js";

const MIB = 1024 * 1024;

/** A client of plain grpc-js and protobuf-es, the same for the server and the echo. */
export class GrpcClient {
  readonly #client: Client;

  constructor(address: string) {
    this.#client = new Client(address, credentials.createInsecure(), {
      // As the client package has it.
      "grpc-node.flow_control_window": 4 * MIB,
      "grpc.max_receive_message_length": 32 * MIB,
      "grpc.enable_channelz": 0,
      "grpc.enable_retries": 0,
    });
  }

  /** Calls a method that answers once. Rejects with any status but OK. */
  unary<I extends DescMessage, O extends DescMessage>(
    method: DescMethodUnary<I, O>,
    request: MessageShape<I>,
  ): Promise<MessageShape<O>> {
    return new Promise((resolve, reject) => {
      this.#client.makeUnaryRequest(
        pathOf(method),
        (message: MessageShape<I>) => toBuffer(toBinary(method.input, message)),
        (bytes: Buffer) => fromBinary(method.output, bytes),
        request,
        (error, reply) => {
          if (reply === undefined) reject(error ?? new Error("the answer is missing"));
          else resolve(reply);
        },
      );
    });
  }

  /** Calls a method that answers with a stream, and returns when that has ended with OK. */
  stream<I extends DescMessage, O extends DescMessage>(
    method: DescMethodServerStreaming<I, O>,
    request: MessageShape<I>,
    onReply: (reply: MessageShape<O>) => void,
  ): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#client
        .makeServerStreamRequest(
          pathOf(method),
          (message: MessageShape<I>) => toBuffer(toBinary(method.input, message)),
          (bytes: Buffer) => fromBinary(method.output, bytes),
          request,
        )
        .on("data", onReply)
        .on("error", reject)
        .on("end", resolve);
    });
  }

  /** Ends the connection. */
  close(): void {
    this.#client.close();
  }
}

function pathOf({ parent, name }: DescMethodUnary | DescMethodServerStreaming): string {
  return `/${parent.typeName}/${name}`;
}

/** Gives bytes as the Buffer that grpc-js asks for, without a copy. */
function toBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
