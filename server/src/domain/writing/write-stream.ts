import { invalidArgument, type StateError } from "../errors.js";
import type { Message } from "../model.js";
import { Answers } from "./answers.js";
import { MessageWriter } from "./message-writer.js";
import { checkFinish, checkPart, checkStart, checkText, type Ending } from "./write-checks.js";
import type { WriteInput, WriteStart } from "./write-input.js";
import type { WritingEnvironment } from "./writing-environment.js";

/** For whom a stream is, and what tells that nobody is there any more. */
export interface WriteCaller {
  readonly tenantId: string;
  readonly signal: AbortSignal;
}

/**
 * How long the end of the requests may be the first sign of a client that is gone, in
 * milliseconds: some end their side just before they cancel, or are cut off.
 */
const CANCELLATION_MS = 20;

const INTERRUPTED: Ending = {
  status: "interrupted",
  allParts: undefined,
  tokenCount: undefined,
  apiCall: undefined,
};

/** The requests of one writer, carried out, and its {@link answers}. */
export class WriteStream {
  readonly #environment: WritingEnvironment;
  readonly #caller: WriteCaller;
  readonly #requests: AsyncIterator<WriteInput>;
  #isStopped = false;
  #onStop: (() => void) | undefined;

  /** What the client is told. */
  readonly answers = new Answers(() => this.#stop());

  constructor(
    environment: WritingEnvironment,
    caller: WriteCaller,
    requests: AsyncIterable<WriteInput>,
  ) {
    this.#environment = environment;
    this.#caller = caller;
    this.#requests = requests[Symbol.asyncIterator]();
  }

  /**
   * Carries the requests out until the message is finished, one is wrong, or the client is
   * gone, and returns when nothing is left to be stored. Never rejects.
   */
  async run(): Promise<void> {
    const { signal } = this.#caller;
    const onAbort = (): void => this.#stop();
    signal.addEventListener("abort", onAbort);
    if (signal.aborted) this.#stop();
    try {
      this.answers.end(await this.#write());
    } catch (error) {
      this.answers.fail(error);
    } finally {
      signal.removeEventListener("abort", onAbort);
      // Not awaited: it waits for the client.
      void this.#requests.return?.().catch(() => {});
    }
  }

  async #write(): Promise<Message | undefined> {
    const request = await this.#next();
    if (this.#isStopped) return undefined;
    if (request?.type !== "start") throw misplaced("start", "must be the first request");
    const writer = await this.#start(request);
    if (!(writer instanceof MessageWriter)) return writer;
    try {
      return await this.#takeAll(writer);
    } finally {
      await writer.release();
    }
  }

  /** Gives a message that is finished already, or else what writes it. */
  async #start(start: WriteStart): Promise<Message | MessageWriter> {
    const { storage, limits, leaseMs } = this.#environment;
    const { ref, ...write } = checkStart(this.#caller.tenantId, start, limits);
    const { message, epoch } = await storage.writes.start(ref, { ...write, leaseMs });
    if (epoch === undefined) return message;
    return new MessageWriter(
      this.#environment,
      ref,
      { message, epoch },
      {
        acknowledged: (acknowledgement) => this.answers.acknowledge(acknowledgement),
        failed: (error) => this.#fail(error),
      },
    );
  }

  async #takeAll(writer: MessageWriter): Promise<Message | undefined> {
    for (;;) {
      const request = await this.#next();
      if (this.#isStopped) return undefined;
      switch (request?.type) {
        case undefined:
          return await this.#interrupt(writer);
        case "finish":
          return await writer.finish(checkFinish(request, writer.ref));
        case "start":
          throw misplaced("start", "must be the first request alone");
        case "none":
          throw misplaced(request.field, "must have one of its fields");
        case "text":
          checkText(request);
          await writer.takeText(request.offset, request.text);
          break;
        case "part":
          await writer.takePart(request.partIndex, checkPart(request));
          break;
      }
      await writer.room();
    }
  }

  async #interrupt(writer: MessageWriter): Promise<Message | undefined> {
    await this.#cancellation();
    return this.#isStopped ? undefined : await writer.finish(INTERRUPTED);
  }

  /** Waits until a client that is gone would have been missed. */
  #cancellation(): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, CANCELLATION_MS);
      this.#onStop = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  /** Gives the next request; undefined if there is none, or the stream is stopped first. */
  #next(): Promise<WriteInput | undefined> {
    return new Promise((resolve, reject) => {
      if (this.#isStopped) resolve(undefined);
      this.#onStop = () => resolve(undefined);
      this.#requests.next().then(({ done, value }) => resolve(done ? undefined : value), reject);
    });
  }

  #fail(error: unknown): void {
    this.answers.fail(error);
    this.#stop();
  }

  #stop(): void {
    this.#isStopped = true;
    this.#onStop?.();
    this.answers.end(undefined);
  }
}

function misplaced(field: string, description: string): StateError {
  return invalidArgument([{ field, description }]);
}
