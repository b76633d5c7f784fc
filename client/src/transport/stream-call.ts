import type { ClientDuplexStream, ClientReadableStream } from "@grpc/grpc-js";
import { StateError } from "../errors.js";
import { cancelled } from "./cancelled.js";
import { onAbort } from "./on-abort.js";
import type { OpenCalls } from "./open-calls.js";
import { toStateError } from "./status.js";

/** A call of grpc-js with a stream of answers. */
export type AnswerStream = ClientReadableStream<Buffer> | ClientDuplexStream<Buffer, Buffer>;

/** What a stream must keep to. */
export interface StreamLimits {
  /** How long an answer may take, while the consumer waits for it; Infinity is for ever. */
  readonly timeoutMs: number;
  /** By when the first answer must be there, by the clock of `performance.now()`. */
  readonly deadline: number;
  /**
   * After which wait for an answer the stream is lost, as `unavailable`; absent is never. Where
   * `timeoutMs` is over as well, that is what counts.
   */
  readonly silenceMs?: number | undefined;
  readonly signal: AbortSignal | undefined;
}

/**
 * Makes a call with a stream of answers, once, and gives their bytes as the consumer asks
 * for them. Leaving the loop cancels it on the server.
 */
export async function* callStream(
  calls: OpenCalls,
  open: () => AnswerStream,
  limits: StreamLimits,
): AsyncGenerator<Buffer, void> {
  const { signal } = limits;
  calls.check();
  if (signal?.aborted) throw cancelled(signal);
  const stream = open();
  // Cancelling emits an error also when nobody reads any more; unheard, it ends the process.
  stream.on("error", () => undefined);
  const release = onAbort(signal, () => stream.cancel());
  calls.add(stream);
  try {
    yield* answers(stream, limits);
  } finally {
    calls.delete(stream);
    release();
    stream.cancel();
  }
}

async function* answers(
  stream: AnswerStream,
  { timeoutMs, deadline, silenceMs = Infinity, signal }: StreamLimits,
): AsyncGenerator<Buffer, void> {
  let waitMs = deadline - performance.now();
  const iterator: AsyncIterator<Buffer> = stream[Symbol.asyncIterator]();
  for (;;) {
    const { done, value } = await nextAnswer(iterator, stream, { waitMs, silenceMs }).catch(
      (error) => {
        throw signal?.aborted ? cancelled(signal) : error;
      },
    );
    if (signal?.aborted) throw cancelled(signal);
    if (done) return;
    yield value;
    waitMs = timeoutMs;
  }
}

async function nextAnswer(
  iterator: AsyncIterator<Buffer>,
  stream: AnswerStream,
  { waitMs, silenceMs }: { readonly waitMs: number; readonly silenceMs: number },
): Promise<IteratorResult<Buffer, void>> {
  let late: StateError | undefined;
  const patienceMs = Math.min(waitMs, silenceMs);
  const giveUp = () => {
    const code = silenceMs < waitMs ? "unavailable" : "deadline_exceeded";
    late = new StateError(code, `no answer came within ${Math.round(patienceMs)} ms`);
    stream.cancel();
  };
  const timer = patienceMs === Infinity ? undefined : setTimeout(giveUp, patienceMs);
  try {
    const answer = await iterator.next();
    if (late) throw late;
    return answer;
  } catch (error) {
    throw late ?? toStateError(error);
  } finally {
    clearTimeout(timer);
  }
}
