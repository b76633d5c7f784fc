import type { MessageInitShape } from "@bufbuild/protobuf";
import {
  type ApiCallFilterSchema,
  type GetUsageRequestSchema,
  type GetUsageResponse,
  type ListApiCallsRequestSchema,
  type CallCounts as ProtoCallCounts,
  UsageGrouping as ProtoGrouping,
  ApiCallStatus as ProtoStatus,
  type UsageGroup as ProtoUsageGroup,
} from "@mofa-state/proto/mofa/state/v1/usage_pb.js";
import type {
  ApiCallFilter,
  ApiCallListing,
  ApiCallStatus,
  CallCounts,
  UsageGroup,
  UsageGrouping,
  UsageListing,
  UsagePage,
} from "../model/usage.js";
import { fromApiCallStatus } from "./api-call.js";
import { toMoney } from "./money.js";
import { fromInt64, fromText, required, toOptionalTimestamp } from "./scalar.js";
import { toObject } from "./shape.js";
import { fromWord } from "./word.js";

/** Which page of a list. */
interface PageToken {
  readonly pageToken?: string | undefined;
}

const GROUPINGS: Readonly<Record<UsageGrouping, ProtoGrouping>> = {
  day: ProtoGrouping.DAY,
  model: ProtoGrouping.MODEL,
  agent: ProtoGrouping.AGENT,
  user: ProtoGrouping.USER,
  session: ProtoGrouping.SESSION,
};

/** Gives which calls to list as the request of a page. */
export function fromApiCallListing(
  listing: ApiCallListing & PageToken,
): MessageInitShape<typeof ListApiCallsRequestSchema> {
  const filter = fromFilter(listing);
  return { filter, pageSize: listing.pageSize ?? 0, pageToken: listing.pageToken ?? "" };
}

/**
 * Gives which calls to add up as the request of a page.
 *
 * @throws StateError `invalid_argument` if the grouping is none.
 */
export function fromUsageListing(
  listing: UsageListing & PageToken,
): MessageInitShape<typeof GetUsageRequestSchema> {
  const filter = fromFilter(listing);
  const { groupBy, pageSize = 0, pageToken = "" } = listing;
  return { filter, groupBy: fromGrouping(groupBy), pageSize, pageToken };
}

/** Gives a page of groups as plain values. */
export function toUsagePage(response: GetUsageResponse): UsagePage {
  return {
    groups: response.groups.map(toUsageGroup),
    nextPageToken: fromText(response.nextPageToken),
  };
}

/** Gives what calls add up to as plain values. */
export function toUsageGroup(answer: ProtoUsageGroup | undefined): UsageGroup {
  const group = required(answer, "the totals");
  return {
    key: group.key,
    calls: toCallCounts(group.calls),
    promptTokens: fromInt64(group.promptTokens),
    completionTokens: fromInt64(group.completionTokens),
    cachedTokens: fromInt64(group.cachedTokens),
    reasoningTokens: fromInt64(group.reasoningTokens),
    totalTokens: fromInt64(group.totalTokens),
    costs: group.costs.map(toMoney),
    averagePromptTokens: group.averagePromptTokens,
    averageCompletionTokens: group.averageCompletionTokens,
    averageLatencyMs: group.averageLatencyMs,
    averageTimeToFirstTokenMs: group.averageTimeToFirstTokenMs,
  };
}

function toCallCounts(answer: ProtoCallCounts | undefined): CallCounts {
  const counts = required(answer, "the number of calls");
  return {
    total: fromInt64(counts.total),
    success: fromInt64(counts.success),
    failed: fromInt64(counts.failed),
    timeout: fromInt64(counts.timeout),
    rateLimited: fromInt64(counts.rateLimited),
    cancelled: fromInt64(counts.cancelled),
  };
}

function fromFilter(filter: ApiCallFilter): MessageInitShape<typeof ApiCallFilterSchema> {
  const { sessionId = "", userId = "", agentId = "", model = "" } = toObject(filter, "filter");
  return {
    sessionId,
    userId,
    agentId,
    model,
    status: fromStatus(filter.status),
    from: toOptionalTimestamp(filter.from, "filter.from"),
    through: toOptionalTimestamp(filter.through, "filter.through"),
  };
}

function fromStatus(status: ApiCallStatus | undefined): ProtoStatus {
  if (status === undefined) return ProtoStatus.UNSPECIFIED;
  return fromApiCallStatus(status, "filter.status");
}

function fromGrouping(groupBy: UsageGrouping | undefined): ProtoGrouping {
  if (groupBy === undefined) return ProtoGrouping.UNSPECIFIED;
  return fromWord(GROUPINGS, groupBy, "group_by");
}
