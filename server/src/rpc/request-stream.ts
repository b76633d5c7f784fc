import type { DescMessage, MessageShape } from "@bufbuild/protobuf";
import type { ServerDuplexStream } from "@grpc/grpc-js";
import { decodeRequest } from "./codec.js";

/** The requests of a stream. */
export interface Requests<T> extends AsyncIterable<T> {
  /** How many bytes the request had that was given last; 0 before the first. */
  readonly lastByteLength: number;
}

/** The requests of one call of grpc-js, each decoded when it is asked for. */
export class RequestStream<I extends DescMessage> implements Requests<MessageShape<I>> {
  readonly #schema: I;
  readonly #call: ServerDuplexStream<Buffer, Buffer>;
  readonly #maxRequestBytes: number;
  #lastByteLength = 0;

  constructor(schema: I, call: ServerDuplexStream<Buffer, Buffer>, maxRequestBytes: number) {
    this.#schema = schema;
    this.#call = call;
    this.#maxRequestBytes = maxRequestBytes;
  }

  get lastByteLength(): number {
    return this.#lastByteLength;
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<MessageShape<I>, void> {
    // A handler that stops reading may still have something to say.
    for await (const bytes of this.#call.iterator({ destroyOnReturn: false })) {
      this.#lastByteLength = bytes.byteLength;
      yield decodeRequest(this.#schema, bytes, this.#maxRequestBytes);
    }
  }
}
