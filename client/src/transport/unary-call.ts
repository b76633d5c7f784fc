import type { Client, Metadata } from "@grpc/grpc-js";
import type { BackoffLimits } from "./backoff.js";
import { cancelled } from "./cancelled.js";
import { onAbort } from "./on-abort.js";
import type { OpenCalls } from "./open-calls.js";
import { toStateError } from "./status.js";

/** One call, encoded. */
export interface EncodedCall {
  /** `/package.Service/Method`. */
  readonly path: string;
  readonly request: Buffer;
  readonly metadata: Metadata;
}

/** Makes a call with one answer, once, and gives its bytes. */
export function callUnary(
  { client, calls }: { readonly client: Client; readonly calls: OpenCalls },
  { path, request, metadata }: EncodedCall,
  { deadline, signal }: BackoffLimits,
): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    calls.check();
    if (signal?.aborted) throw cancelled(signal);
    const options = { deadline: new Date(Date.now() + deadline - performance.now()) };
    const call = client.makeUnaryRequest<Buffer, Buffer>(
      path,
      same,
      same,
      request,
      metadata,
      options,
      (error, answer) => {
        calls.delete(call);
        release();
        if (answer !== undefined) resolve(answer);
        else reject(signal?.aborted ? cancelled(signal) : toStateError(error));
      },
    );
    calls.add(call);
    const release = onAbort(signal, () => call.cancel());
  });
}

/** Passes bytes through: requests and answers are encoded and decoded outside grpc-js. */
export function same(bytes: Buffer): Buffer {
  return bytes;
}
