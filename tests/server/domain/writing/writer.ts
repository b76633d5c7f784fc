import type { Message, Part } from "../../../../server/src/domain/model.js";
import type { MessageInput } from "../../../../server/src/domain/new-message.js";
import { newUuid } from "../../../../server/src/domain/uuid.js";
import type {
  Acknowledgement,
  WriteFinish,
  WriteInput,
  WriteOutput,
  WriteStart,
} from "../../../../server/src/domain/writing/write-input.js";

/** Opens a stream of one writer. */
export type OpenStream = (
  requests: AsyncIterable<WriteInput>,
  signal: AbortSignal,
) => AsyncIterable<WriteOutput>;

/** One writer: sends requests, and takes the answers one by one. */
export class Writer {
  readonly #requests = new RequestQueue();
  readonly #controller = new AbortController();
  readonly #answers: AsyncIterator<WriteOutput>;

  constructor(open: OpenStream) {
    this.#answers = open(this.#requests, this.#controller.signal)[Symbol.asyncIterator]();
  }

  /** How many requests were read. */
  get readCount(): number {
    return this.#requests.readCount;
  }

  send(...inputs: readonly WriteInput[]): void {
    for (const input of inputs) this.#requests.push(input);
  }

  text(offset: number, text: string): void {
    this.send({ type: "text", offset, text });
  }

  part(partIndex: number, part: Part | undefined): void {
    this.send({ type: "part", partIndex, part });
  }

  finish(given: Partial<WriteFinish> = {}): void {
    const finish = { parts: [], status: "complete", tokenCount: undefined } as const;
    this.send({ type: "finish", apiCall: undefined, ...finish, ...given });
  }

  /** Sends nothing more. */
  end(): void {
    this.#requests.end();
  }

  /** Is gone. */
  leave(): void {
    this.#controller.abort();
  }

  /** Gives the next answer, which is an acknowledgement. */
  async acknowledged(): Promise<Acknowledgement> {
    const output = await this.#next();
    if (output.type !== "acknowledged") throw new Error("the message is finished");
    return output;
  }

  /** Waits until so many bytes of text are acknowledged. */
  async untilOffset(offset: number): Promise<Acknowledgement> {
    for (;;) {
      const acknowledgement = await this.acknowledged();
      if (acknowledgement.offset >= offset) return acknowledgement;
    }
  }

  /** Gives the message that the last answer holds. */
  async message(): Promise<Message> {
    for (;;) {
      const output = await this.#next();
      if (output.type === "message") return output.message;
    }
  }

  /** Takes the answers to their end; rejects as they do. */
  async ended(): Promise<void> {
    while (!(await this.#answers.next()).done);
  }

  async #next(): Promise<WriteOutput> {
    const { done, value } = await this.#answers.next();
    if (done) throw new Error("the answers are at their end");
    return value;
  }
}

/** Gives a start with a role and no more, where nothing else is given. */
export function startOf(
  given: Partial<Omit<WriteStart, "message">> & { readonly header?: Partial<MessageInput> },
): WriteStart {
  const { header, ...rest } = given;
  const message: MessageInput = {
    id: newUuid(),
    role: "assistant",
    content: "",
    parts: [],
    metadata: {},
    raw: undefined,
    pinned: false,
    tokenCount: undefined,
    ...header,
  };
  const start = { type: "start", sessionId: "", writerId: "", message } as const;
  return { ...start, expectedHeadSequence: undefined, ...rest };
}

/** Requests that are read when they are asked for. */
class RequestQueue implements AsyncIterable<WriteInput> {
  readonly #inputs: WriteInput[] = [];
  #isEnded = false;
  #wake: (() => void) | undefined;
  readCount = 0;

  push(input: WriteInput): void {
    this.#inputs.push(input);
    this.#wake?.();
  }

  end(): void {
    this.#isEnded = true;
    this.#wake?.();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<WriteInput, void> {
    for (;;) {
      const input = this.#inputs.shift();
      if (input !== undefined) {
        this.readCount += 1;
        yield input;
      } else if (this.#isEnded) return;
      else {
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
      }
    }
  }
}
