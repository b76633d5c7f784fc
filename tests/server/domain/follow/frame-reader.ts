import type { SessionFrame } from "../../../../server/src/domain/session-frame.js";

/** Reads the frames of one follower, one when it is asked for. */
export class FrameReader {
  /** What was read so far. */
  readonly frames: SessionFrame[] = [];
  readonly #source: AsyncGenerator<SessionFrame, void>;
  readonly #controller: AbortController;

  constructor(source: AsyncGenerator<SessionFrame, void>, controller: AbortController) {
    this.#source = source;
    this.#controller = controller;
  }

  /** Gives the next frame; rejects as the stream does, or if it is at its end. */
  async next(): Promise<SessionFrame> {
    const { done, value } = await this.#source.next();
    if (done) throw new Error("the stream is at its end");
    this.frames.push(value);
    return value;
  }

  /** Reads up to the next frame of a type, and gives the frames before it. */
  async until(type: SessionFrame["type"]): Promise<readonly SessionFrame[]> {
    const first = this.frames.length;
    while ((await this.next()).type !== type);
    return this.frames.slice(first, -1);
  }

  /** Reads until a message with this sequence has come, and gives the frames. */
  async untilSequence(sequence: number): Promise<readonly SessionFrame[]> {
    const first = this.frames.length;
    for (;;) {
      const frame = await this.next();
      if (frame.type !== "messages") continue;
      if (frame.messages.some((message) => message.sequence === sequence)) {
        return this.frames.slice(first);
      }
    }
  }

  /** Leaves. */
  async stop(): Promise<void> {
    this.#controller.abort();
    await this.#source.return();
  }
}

/** Gives the sequences of the messages in frames. */
export function sequencesOf(frames: readonly SessionFrame[]): readonly number[] {
  return frames.flatMap((frame) =>
    frame.type === "messages" ? frame.messages.map(({ sequence }) => sequence) : [],
  );
}

/** Gives the numbers from one through another. */
export function numbers(first: number, last: number): readonly number[] {
  return Array.from({ length: last - first + 1 }, (_, index) => first + index);
}
