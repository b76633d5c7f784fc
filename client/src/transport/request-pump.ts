import type { ClientDuplexStream } from "@grpc/grpc-js";

/**
 * Sends requests as they come and there is room for them, and then says that there are no
 * more. An error of theirs becomes the error of the call.
 */
export async function pumpRequests(
  requests: AsyncIterable<Buffer>,
  stream: ClientDuplexStream<Buffer, Buffer>,
): Promise<void> {
  let isOver = false;
  let wakeUp: () => void = () => undefined;
  stream.on("drain", () => wakeUp());
  stream.on("status", () => {
    isOver = true;
    wakeUp();
  });
  try {
    for await (const request of requests) {
      if (isOver) return;
      if (stream.write(request)) continue;
      await new Promise<void>((resolve) => {
        wakeUp = resolve;
      });
    }
    stream.end();
  } catch (error) {
    stream.destroy(error instanceof Error ? error : new Error(String(error)));
  }
}
