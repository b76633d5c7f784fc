import type { CallOptions } from "./call-options.js";
import { fromNewApiCall, toApiCall, toApiCallPage } from "./convert/api-call.js";
import { fromInt64, toOptionalTimestamp } from "./convert/scalar.js";
import {
  fromApiCallListing,
  fromUsageListing,
  toUsageGroup,
  toUsagePage,
} from "./convert/usage.js";
import type {
  ApiCall,
  ApiCallFilter,
  ApiCallListing,
  ApiCallPage,
  NewApiCall,
  UsageGroup,
  UsageListing,
  UsagePage,
} from "./model/usage.js";
import { eachItem } from "./paging.js";
import { usageMethods } from "./transport/methods.js";
import type { Transport } from "./transport/transport.js";

/** What the tenant's calls to models cost: tokens, money and time. */
export class Usage {
  readonly #transport: Transport;

  /** @internal */
  constructor(transport: Transport) {
    this.#transport = transport;
  }

  /**
   * Records one call to a model. An id that is absent is chosen once, so that its retries
   * record nothing twice.
   *
   * To record a call together with messages, give it to `Session.append` or to
   * `MessageWriter.finish`.
   *
   * @throws StateError `already_exists` ID_REUSED if a given id is another call's.
   * @throws StateError `not_found` SESSION_NOT_FOUND or SESSION_DELETED.
   *
   * @example
   * await state.usage.record({
   *   model: "gpt-4o",
   *   status: "success",
   *   promptTokens: 100,
   *   completionTokens: 50,
   *   price: { amount: "0.01", currency: "USD" },
   * });
   */
  async record(call: NewApiCall, options?: CallOptions): Promise<ApiCall> {
    const request = { apiCall: fromNewApiCall(call, "api_call") };
    const response = await this.#transport.unary(usageMethods.recordApiCall, request, options);
    return toApiCall(response.apiCall);
  }

  /**
   * Lists calls, the newest first, fetching pages as they are needed. It repeats or skips
   * no call that was there when it began.
   */
  list(filter: ApiCallListing = {}, options?: CallOptions): AsyncGenerator<ApiCall, void> {
    return eachItem(async (pageToken) => {
      const page = await this.listPage({ ...filter, pageToken }, options);
      return { items: page.apiCalls, nextPageToken: page.nextPageToken };
    });
  }

  /**
   * Lists one page of calls: the first, or the one that `pageToken` names.
   *
   * @throws StateError `invalid_argument` if the token was edited or belongs to another list.
   */
  async listPage(
    filter: ApiCallListing & { readonly pageToken?: string | undefined } = {},
    options?: CallOptions,
  ): Promise<ApiCallPage> {
    const request = fromApiCallListing(filter);
    return toApiCallPage(await this.#transport.unary(usageMethods.listApiCalls, request, options));
  }

  /**
   * Adds calls up, all that the filter selects, into one group. Where it selects none, the
   * sums are 0 and the averages undefined.
   *
   * @throws StateError `out_of_range` TOTAL_TOO_LARGE if a sum is beyond an int64.
   *
   * @example
   * const { totalTokens, costs } = await state.usage.total({ model: "gpt-4o" });
   */
  async total(filter: ApiCallFilter = {}, options?: CallOptions): Promise<UsageGroup> {
    const { sessionId, userId, agentId, model, status, from, through } = filter;
    const request = fromUsageListing({ sessionId, userId, agentId, model, status, from, through });
    const { groups } = await this.#transport.unary(usageMethods.getUsage, request, options);
    return toUsageGroup(groups[0]);
  }

  /**
   * Adds calls up in groups, by their keys ascending, those without one first, fetching
   * pages as they are needed.
   *
   * @throws StateError `out_of_range` TOTAL_TOO_LARGE if a sum is beyond an int64.
   *
   * @example
   * for await (const { key, costs } of state.usage.totals({ groupBy: "day" })) {
   *   console.log(key, costs);
   * }
   */
  totals(filter: UsageListing = {}, options?: CallOptions): AsyncGenerator<UsageGroup, void> {
    return eachItem(async (pageToken) => {
      const page = await this.totalsPage({ ...filter, pageToken }, options);
      return { items: page.groups, nextPageToken: page.nextPageToken };
    });
  }

  /**
   * Gives one page of groups: the first, or the one that `pageToken` names.
   *
   * @throws StateError `invalid_argument` if the token was edited or belongs to another list.
   * @throws StateError `out_of_range` TOTAL_TOO_LARGE if a sum is beyond an int64.
   */
  async totalsPage(
    filter: UsageListing & { readonly pageToken?: string | undefined } = {},
    options?: CallOptions,
  ): Promise<UsagePage> {
    const request = fromUsageListing(filter);
    return toUsagePage(await this.#transport.unary(usageMethods.getUsage, request, options));
  }

  /**
   * Deletes the calls that were made before a time, and gives their number; one made at it
   * is kept.
   *
   * Where an answer was lost and the call repeated, the number is what the repetition found.
   */
  async purge(before: Date, options?: CallOptions): Promise<number> {
    const request = { before: toOptionalTimestamp(before, "before") };
    const response = await this.#transport.unary(usageMethods.purgeApiCalls, request, options);
    return fromInt64(response.deletedCount);
  }
}
