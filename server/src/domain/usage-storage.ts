import type { ApiCall, ApiCallStatus, NewApiCall } from "./api-call.js";
import type { Page, PageBounds } from "./storage.js";

/** Which calls are meant; what is undefined is not asked for. */
export interface ApiCallFilter {
  readonly sessionId?: string | undefined;
  readonly userId?: string | undefined;
  readonly agentId?: string | undefined;
  readonly model?: string | undefined;
  readonly status?: ApiCallStatus | undefined;
  /** Inclusive. */
  readonly from?: Date | undefined;
  /** Inclusive. */
  readonly through?: Date | undefined;
}

/** What totals are made for: everything together, or each value apart. */
export type UsageGrouping = "none" | "day" | "model" | "agent" | "user" | "session";

/** An amount of money of any size. */
export interface Cost {
  readonly nanoUnits: bigint;
  readonly currency: string;
}

/** How many calls ended in which way. */
export type CallCounts = Readonly<Record<"total" | ApiCallStatus, number>>;

/** What calls add up to. Sums and averages are of those calls that have the value. */
export interface UsageGroup {
  /** Undefined for the calls that have no value to group by, and without grouping. */
  readonly key: string | undefined;
  readonly calls: CallCounts;
  readonly promptTokens: bigint;
  readonly completionTokens: bigint;
  readonly cachedTokens: bigint;
  readonly reasoningTokens: bigint;
  /** By currency ascending. */
  readonly costs: readonly Cost[];
  readonly averagePromptTokens: number | undefined;
  readonly averageCompletionTokens: number | undefined;
  readonly averageLatencyMs: number | undefined;
  readonly averageTimeToFirstTokenMs: number | undefined;
}

/** Which totals to make: groups by key ascending, byte for byte, the one without a key first. */
export interface UsageQuery {
  readonly filter: ApiCallFilter;
  readonly groupBy: UsageGrouping;
  /** The group after which to go on. */
  readonly after: Pick<UsageGroup, "key"> | undefined;
}

/** Where calls to models are kept. They outlive their session. Errors are as those of Storage. */
export interface UsageStorage {
  /**
   * Records a call, or gives what is stored if it was recorded before. The session, which
   * is asked for only then, stays as it is.
   *
   * @throws StateError `already_exists` ID_REUSED if the tenant has another call with the id.
   */
  record(tenantId: string, call: NewApiCall): Promise<ApiCall>;

  /** Lists calls by (`createdAt`, `id`) descending, from after `after`. */
  list(
    tenantId: string,
    filter: ApiCallFilter,
    after: Pick<ApiCall, "createdAt" | "id"> | undefined,
    bounds: PageBounds,
  ): Promise<Page<ApiCall>>;

  /**
   * Adds calls up, over all that the filter selects. Without grouping there is one group,
   * also where no call is selected.
   *
   * @throws StateError `out_of_range` TOTAL_TOO_LARGE if a sum is beyond an int64.
   */
  total(tenantId: string, query: UsageQuery, bounds: PageBounds): Promise<Page<UsageGroup>>;

  /**
   * Deletes the tenant's calls that were made before a time, and tells how many they were.
   *
   * Many are deleted in several transactions: where it fails, some may be gone.
   */
  purge(tenantId: string, before: Date): Promise<number>;
}
