import type { MessageInitShape } from "@bufbuild/protobuf";
import {
  type ApiCallFilter,
  type ApiCallSchema,
  type ApiCall as ProtoApiCall,
  ApiCallStatus as ProtoApiCallStatus,
  UsageGrouping as ProtoUsageGrouping,
  type UsageGroupSchema,
} from "@mofa-state/proto/mofa/state/v1/usage_pb.js";
import type { ApiCall, ApiCallStatus } from "../domain/api-call.js";
import type { ApiCallInput } from "../domain/api-call-input.js";
import type { ApiCallFilterInput } from "../domain/usage.js";
import type { UsageGroup, UsageGrouping } from "../domain/usage-storage.js";
import { fromInt64, fromTimestamp, toTimestamp } from "./convert.js";

const STATUSES: Readonly<Record<ApiCallStatus, ProtoApiCallStatus>> = {
  success: ProtoApiCallStatus.SUCCESS,
  failed: ProtoApiCallStatus.FAILED,
  timeout: ProtoApiCallStatus.TIMEOUT,
  rate_limited: ProtoApiCallStatus.RATE_LIMITED,
  cancelled: ProtoApiCallStatus.CANCELLED,
};

const STATUS_NAMES = new Map(
  Object.entries(STATUSES).map(([name, status]) => [status, name as ApiCallStatus]),
);

const GROUPINGS: ReadonlyMap<ProtoUsageGrouping, UsageGrouping> = new Map([
  [ProtoUsageGrouping.UNSPECIFIED, "none"],
  [ProtoUsageGrouping.DAY, "day"],
  [ProtoUsageGrouping.MODEL, "model"],
  [ProtoUsageGrouping.AGENT, "agent"],
  [ProtoUsageGrouping.USER, "user"],
  [ProtoUsageGrouping.SESSION, "session"],
]);

/** Gives a grouping, or undefined for a number that is none. */
export function fromProtoGrouping(grouping: ProtoUsageGrouping): UsageGrouping | undefined {
  return GROUPINGS.get(grouping);
}

/** Gives what a client sets of a call to a model. */
export function fromProtoApiCall(call: ProtoApiCall): ApiCallInput {
  const { price } = call;
  return {
    id: call.id,
    sessionId: call.sessionId,
    requestMessageId: call.requestMessageId,
    responseMessageId: call.responseMessageId,
    userId: call.userId,
    agentId: call.agentId,
    model: call.model,
    status: STATUS_NAMES.get(call.status),
    promptTokens: call.promptTokens,
    completionTokens: call.completionTokens,
    cachedTokens: call.cachedTokens,
    reasoningTokens: call.reasoningTokens,
    price: price && { nanoUnits: fromInt64(price.nanoUnits), currency: price.currency },
    latencyMs: call.latencyMs,
    timeToFirstTokenMs: call.timeToFirstTokenMs,
    error: call.error,
    createdAt: fromTimestamp(call.createdAt),
  };
}

/** Gives a call to a model as the API has it. */
export function toProtoApiCall(call: ApiCall): MessageInitShape<typeof ApiCallSchema> {
  const { price } = call;
  return {
    id: call.id,
    sessionId: call.sessionId ?? "",
    requestMessageId: call.requestMessageId ?? "",
    responseMessageId: call.responseMessageId ?? "",
    userId: call.userId ?? "",
    agentId: call.agentId ?? "",
    model: call.model,
    status: STATUSES[call.status],
    ...withoutUndefined({
      promptTokens: call.promptTokens,
      completionTokens: call.completionTokens,
      cachedTokens: call.cachedTokens,
      reasoningTokens: call.reasoningTokens,
      latencyMs: call.latencyMs,
      timeToFirstTokenMs: call.timeToFirstTokenMs,
    }),
    ...(price && { price: { nanoUnits: BigInt(price.nanoUnits), currency: price.currency } }),
    error: call.error,
    createdAt: toTimestamp(call.createdAt),
  };
}

/** Gives which calls a client means; absent is all. */
export function fromProtoFilter(filter: ApiCallFilter | undefined): ApiCallFilterInput {
  const { UNSPECIFIED } = ProtoApiCallStatus;
  const status = filter?.status ?? UNSPECIFIED;
  return {
    sessionId: filter?.sessionId ?? "",
    userId: filter?.userId ?? "",
    agentId: filter?.agentId ?? "",
    model: filter?.model ?? "",
    status: status === UNSPECIFIED ? "any" : STATUS_NAMES.get(status),
    from: fromTimestamp(filter?.from),
    through: fromTimestamp(filter?.through),
  };
}

/** Gives a total as the API has it. */
export function toProtoGroup(group: UsageGroup): MessageInitShape<typeof UsageGroupSchema> {
  const { calls, promptTokens, completionTokens } = group;
  return {
    calls: {
      total: BigInt(calls.total),
      success: BigInt(calls.success),
      failed: BigInt(calls.failed),
      timeout: BigInt(calls.timeout),
      rateLimited: BigInt(calls.rate_limited),
      cancelled: BigInt(calls.cancelled),
    },
    promptTokens,
    completionTokens,
    cachedTokens: group.cachedTokens,
    reasoningTokens: group.reasoningTokens,
    totalTokens: promptTokens + completionTokens,
    costs: [...group.costs],
    ...withoutUndefined({
      key: group.key,
      averagePromptTokens: group.averagePromptTokens,
      averageCompletionTokens: group.averageCompletionTokens,
      averageLatencyMs: group.averageLatencyMs,
      averageTimeToFirstTokenMs: group.averageTimeToFirstTokenMs,
    }),
  };
}

/** An optional field of the API is absent, not undefined. */
function withoutUndefined<T extends object>(
  fields: T,
): { [K in keyof T]?: Exclude<T[K], undefined> } {
  const present = Object.entries(fields).filter(([, value]) => value !== undefined);
  return Object.fromEntries(present) as { [K in keyof T]?: Exclude<T[K], undefined> };
}
