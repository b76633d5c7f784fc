/** How a call to a model ended. */
export type ApiCallStatus = "success" | "failed" | "timeout" | "rate_limited" | "cancelled";

/** What a call cost. */
export interface Price {
  /** In thousand-millionths of the currency's unit: 0 to 10^15, which a number holds exactly. */
  readonly nanoUnits: number;
  /** Three letters A–Z. */
  readonly currency: string;
}

/** What a client sets of a call to a model. Counts and times that are undefined are unknown. */
export interface ApiCallContent {
  /** The session that it was made for; it may be deleted since. */
  readonly sessionId: string | undefined;
  readonly requestMessageId: string | undefined;
  readonly responseMessageId: string | undefined;
  readonly userId: string | undefined;
  readonly agentId: string | undefined;
  /** Compared byte for byte. */
  readonly model: string;
  readonly status: ApiCallStatus;
  /** Cached ones included. */
  readonly promptTokens: number | undefined;
  /** Reasoning included. */
  readonly completionTokens: number | undefined;
  readonly cachedTokens: number | undefined;
  readonly reasoningTokens: number | undefined;
  readonly price: Price | undefined;
  readonly latencyMs: number | undefined;
  readonly timeToFirstTokenMs: number | undefined;
  /** What went wrong; empty for nothing. */
  readonly error: string;
}

/** A call to a model. */
export interface ApiCall extends ApiCallContent {
  /** A UUID in lower case, unique within the tenant. */
  readonly id: string;
  readonly createdAt: Date;
}

/** A call to record. A user or an agent that is undefined is the session's. */
export interface NewApiCall extends ApiCall {
  /** What the client set, hashed: equal hashes are equal calls. */
  readonly requestHash: Uint8Array;
}
