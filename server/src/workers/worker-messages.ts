import type { ServerOptions } from "../server.js";

/** What a worker is started with: all that a server is, except that its log is its own. */
export interface WorkerOptions extends Required<Omit<ServerOptions, "logger">> {
  readonly logLevel: string;
}

/** What the primary process tells a worker. */
export type ToWorker =
  /** Serve. */
  | { readonly kind: "start"; readonly options: WorkerOptions }
  /** Sessions changed in another worker. */
  | { readonly kind: "ring"; readonly sessionIds: readonly string[] }
  /** Shut down. */
  | { readonly kind: "end" };

/** What a worker tells the primary process. */
export type FromWorker =
  /** It listens to what it is told: what came before is lost. */
  | { readonly kind: "ready" }
  | { readonly kind: "listening"; readonly address: string }
  /** It cannot serve, and exits. */
  | { readonly kind: "failed"; readonly message: string; readonly isUsage: boolean }
  /** Sessions changed in it. */
  | { readonly kind: "ring"; readonly sessionIds: readonly string[] };
