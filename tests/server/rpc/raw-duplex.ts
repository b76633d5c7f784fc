import {
  create,
  type DescMessage,
  fromBinary,
  type MessageInitShape,
  type MessageShape,
  toBinary,
} from "@bufbuild/protobuf";
import type { ClientDuplexStream, ServiceError } from "@grpc/grpc-js";

/** One stream in both directions, of messages of two types. */
export class RawDuplex<I extends DescMessage, O extends DescMessage> {
  readonly call: ClientDuplexStream<Buffer, Buffer>;
  /** The error that ended it, or undefined. */
  readonly error: Promise<ServiceError | undefined>;
  readonly #input: I;
  readonly #output: O;
  readonly #replies: MessageShape<O>[] = [];
  #isOver = false;
  #wake: (() => void) | undefined;

  constructor(call: ClientDuplexStream<Buffer, Buffer>, input: I, output: O) {
    this.call = call;
    this.#input = input;
    this.#output = output;
    call.on("data", (bytes: Buffer) => {
      this.#replies.push(fromBinary(this.#output, new Uint8Array(bytes)));
      this.#wake?.();
    });
    this.error = new Promise((resolve) => {
      call.on("error", (error: ServiceError) => resolve(error));
      call.on("end", () => resolve(undefined));
    });
    void this.error.then(() => {
      this.#isOver = true;
      this.#wake?.();
    });
  }

  send(request: MessageInitShape<I>): void {
    this.call.write(Buffer.from(toBinary(this.#input, create(this.#input, request))));
  }

  /** Gives the next reply; undefined at the end. */
  async next(): Promise<MessageShape<O> | undefined> {
    for (;;) {
      const reply = this.#replies.shift();
      if (reply !== undefined || this.#isOver) return reply;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  /** Gives all replies that are still to come. */
  async rest(): Promise<readonly MessageShape<O>[]> {
    const replies: MessageShape<O>[] = [];
    for (;;) {
      const reply = await this.next();
      if (reply === undefined) return replies;
      replies.push(reply);
    }
  }
}
