import { UsageError } from "../domain/usage-error.js";
import { letHeapDouble } from "../let-heap-double.js";
import { openLog } from "../process-log.js";
import { type RunningServer, startServer } from "../server.js";
import { WorkerDoorbell } from "./worker-doorbell.js";
import type { FromWorker, ToWorker, WorkerOptions } from "./worker-messages.js";

// A process that serves beside others, started by WorkerGroup. It ends at once with its
// primary process: the cluster sees to that.

const EXIT_FAILURE = 1;

function send(message: FromWorker, sent: () => void = () => {}): void {
  process.send?.(message, undefined, {}, sent);
}

async function serve(options: WorkerOptions): Promise<void> {
  const { logLevel, ...rest } = options;
  letHeapDouble();
  const logger = openLog(logLevel);
  let server: RunningServer;
  try {
    server = await startServer({ ...rest, logger }, doorbell);
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    const failed = { kind: "failed", message, isUsage: error instanceof UsageError } as const;
    send(failed, () => process.exit(EXIT_FAILURE));
    return;
  }
  logger.info({ address: server.address }, "listening");
  send({ kind: "listening", address: server.address });
  await ending;
  logger.info({}, "shutting down");
  await server.close();
  logger.info({}, "shut down");
  process.exit(0);
}

const doorbell = new WorkerDoorbell(send);

const ending = new Promise<void>((resolve) => {
  process.on("SIGTERM", () => resolve());
  // A terminal sends it to all processes: the primary one tells this one.
  process.on("SIGINT", () => {});
  process.on("message", (message: ToWorker) => {
    if (message.kind === "start") void serve(message.options);
    else if (message.kind === "ring") doorbell.hear(message.sessionIds);
    else resolve();
  });
});

send({ kind: "ready" });
