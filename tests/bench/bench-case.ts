import type { GrpcClient } from "./grpc-client.js";

/** One figure of a measurement. */
export interface Metric {
  /** What was measured, such as `p50`. */
  readonly name: string;
  readonly value: number;
  readonly unit: string;
}

/** What one measurement of a case gave. */
export interface Sample {
  /** How many operations were done, by which the server's CPU time is divided. */
  readonly operations: number;
  readonly metrics: readonly Metric[];
}

/** Puts load on a server, or on its baseline, for about `durationMs`. */
export type Load = (client: GrpcClient, durationMs: number) => Promise<Sample>;

/** One thing that is measured beside the bare echo. */
export interface BenchCase {
  /** What `--case` chooses it by. */
  readonly name: string;
  /** How the echo answers: with what it was sent, or with frames encoded beforehand. */
  readonly baseline: "echo" | "echo-stream";
  /** What is done, in the singular: the unit that the server's CPU time is given by. */
  readonly operation: "call" | "message";
  /** Whether it is left out unless `--full` or its name asks for it. */
  readonly onlyInFull?: boolean;
  /** Puts into the server what the load needs. The echo needs nothing. */
  prepare(server: GrpcClient): Promise<Load>;
}
