/** How a call to a model ended. */
export type ApiCallStatus = "success" | "failed" | "timeout" | "rate_limited" | "cancelled";

/** What the groups of totals have in common; a day is one in UTC. */
export type UsageGrouping = "day" | "model" | "agent" | "user" | "session";

/** An exact amount of money. */
export interface Money {
  /** A decimal with at most 9 places, such as `0.01`; never rounded on its way. */
  readonly amount: string;
  /** The currency's ISO 4217 code: three letters A–Z. */
  readonly currency: string;
}

/** One call to a model. Counts and times that are undefined are unknown. */
export interface ApiCall {
  /** A UUID in lower case, unique within the tenant. */
  readonly id: string;
  /** The session that it was made for. */
  readonly sessionId: string | undefined;
  /** The message that it answers. */
  readonly requestMessageId: string | undefined;
  /** The message that it produced. */
  readonly responseMessageId: string | undefined;
  readonly userId: string | undefined;
  readonly agentId: string | undefined;
  /** The model's name. */
  readonly model: string;
  readonly status: ApiCallStatus;
  /** How many tokens the model read, cached ones included. */
  readonly promptTokens: number | undefined;
  /** How many tokens the model wrote, its reasoning included. */
  readonly completionTokens: number | undefined;
  /** How many of the prompt's tokens came from a cache. */
  readonly cachedTokens: number | undefined;
  /** How many of the completion's tokens were reasoning. */
  readonly reasoningTokens: number | undefined;
  /** What it cost. */
  readonly price: Money | undefined;
  /** How long it took until its end, in milliseconds. */
  readonly latencyMs: number | undefined;
  /** How long it took until the first token came, in milliseconds. */
  readonly timeToFirstTokenMs: number | undefined;
  /** What went wrong. */
  readonly error: string | undefined;
  /** When it was made. */
  readonly createdAt: Date;
}

/** A call to record. What is absent is unknown, unless it says otherwise. */
export interface NewApiCall {
  /** A UUID, unique within the tenant; one is chosen if it is absent. */
  readonly id?: string | undefined;
  /** The session that it was made for: a UUID. */
  readonly sessionId?: string | undefined;
  /** The message that it answers: a UUID. It is not looked up. */
  readonly requestMessageId?: string | undefined;
  /** The message that it produced: a UUID. It is not looked up. */
  readonly responseMessageId?: string | undefined;
  /** A UUID; the session's by default. */
  readonly userId?: string | undefined;
  /** A UUID; the session's by default. */
  readonly agentId?: string | undefined;
  /** The model's name: 1–255 bytes. */
  readonly model: string;
  readonly status: ApiCallStatus;
  /** How many tokens the model read, cached ones included. */
  readonly promptTokens?: number | undefined;
  /** How many tokens the model wrote, its reasoning included. */
  readonly completionTokens?: number | undefined;
  /** How many of the prompt's tokens came from a cache. */
  readonly cachedTokens?: number | undefined;
  /** How many of the completion's tokens were reasoning. */
  readonly reasoningTokens?: number | undefined;
  /** What it cost, up to a million. */
  readonly price?: Money | undefined;
  /** How long it took until its end, in milliseconds; it is rounded. */
  readonly latencyMs?: number | undefined;
  /** How long it took until the first token came, in milliseconds; it is rounded. */
  readonly timeToFirstTokenMs?: number | undefined;
  /** What went wrong: up to 8,192 bytes. */
  readonly error?: string | undefined;
  /** When it was made; the server's time by default. */
  readonly createdAt?: Date | undefined;
}

/** A call to record with the messages of an append, in their session. */
export type AppendedApiCall = Omit<NewApiCall, "sessionId">;

/** The call that produced a message, to record when the message is finished. */
export type WrittenApiCall = Omit<NewApiCall, "sessionId" | "responseMessageId">;

/** Which calls are meant. All filters that are given must match. */
export interface ApiCallFilter {
  readonly sessionId?: string | undefined;
  readonly userId?: string | undefined;
  readonly agentId?: string | undefined;
  /** The model's name, compared byte for byte. */
  readonly model?: string | undefined;
  readonly status?: ApiCallStatus | undefined;
  /** Made at this time or later, in milliseconds. */
  readonly from?: Date | undefined;
  /** Made at this time or earlier, in milliseconds. */
  readonly through?: Date | undefined;
}

/** Which calls to list. */
export interface ApiCallListing extends ApiCallFilter {
  /** How many calls to fetch at a time: 50 by default, 1,000 at most. */
  readonly pageSize?: number | undefined;
}

/** Which calls to add up, and how. */
export interface UsageListing extends ApiCallFilter {
  /** What groups are made of; one group of everything by default. */
  readonly groupBy?: UsageGrouping | undefined;
  /** How many groups to fetch at a time: 50 by default, 1,000 at most. */
  readonly pageSize?: number | undefined;
}

/** One page of calls. */
export interface ApiCallPage {
  readonly apiCalls: readonly ApiCall[];
  /** Undefined on the last page. */
  readonly nextPageToken: string | undefined;
}

/** What calls add up to. Sums and averages are of the calls that have the value. */
export interface UsageGroup {
  /**
   * What the calls have in common: a day such as `2026-11-23`, the model's name, or a UUID.
   * Undefined for those that have none, and without `groupBy`.
   */
  readonly key: string | undefined;
  readonly calls: CallCounts;
  readonly promptTokens: number;
  readonly completionTokens: number;
  readonly cachedTokens: number;
  readonly reasoningTokens: number;
  /** `promptTokens` and `completionTokens` together. */
  readonly totalTokens: number;
  /** The sums of the prices, one for each currency, by currency ascending. */
  readonly costs: readonly Money[];
  /** Undefined if no call has the value, like the other averages. */
  readonly averagePromptTokens: number | undefined;
  readonly averageCompletionTokens: number | undefined;
  readonly averageLatencyMs: number | undefined;
  readonly averageTimeToFirstTokenMs: number | undefined;
}

/** How many calls ended in which way. */
export interface CallCounts {
  /** All of them. */
  readonly total: number;
  readonly success: number;
  readonly failed: number;
  readonly timeout: number;
  readonly rateLimited: number;
  readonly cancelled: number;
}

/** One page of groups. */
export interface UsagePage {
  readonly groups: readonly UsageGroup[];
  /** Undefined on the last page. */
  readonly nextPageToken: string | undefined;
}
