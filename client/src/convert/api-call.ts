import type { MessageInitShape } from "@bufbuild/protobuf";
import {
  type ApiCallSchema,
  type ListApiCallsResponse,
  type ApiCall as ProtoApiCall,
  ApiCallStatus as ProtoStatus,
} from "@mofa-state/proto/mofa/state/v1/usage_pb.js";
import type { ApiCall, ApiCallPage, ApiCallStatus, NewApiCall } from "../model/usage.js";
import { newId } from "../uuid.js";
import { fromMoney, toMoney } from "./money.js";
import {
  fromText,
  fromTimestamp,
  required,
  toOptionalCount,
  toOptionalMs,
  toOptionalTimestamp,
} from "./scalar.js";
import { toObject } from "./shape.js";
import { fromWord, invert, toWord } from "./word.js";

const STATUSES: Readonly<Record<ApiCallStatus, ProtoStatus>> = {
  success: ProtoStatus.SUCCESS,
  failed: ProtoStatus.FAILED,
  timeout: ProtoStatus.TIMEOUT,
  rate_limited: ProtoStatus.RATE_LIMITED,
  cancelled: ProtoStatus.CANCELLED,
};

const STATUS_WORDS = invert(STATUSES);

/** Gives a call as plain values. */
export function toApiCall(answer: ProtoApiCall | undefined): ApiCall {
  const call = required(answer, "the API call");
  return {
    id: call.id,
    sessionId: fromText(call.sessionId),
    requestMessageId: fromText(call.requestMessageId),
    responseMessageId: fromText(call.responseMessageId),
    userId: fromText(call.userId),
    agentId: fromText(call.agentId),
    model: call.model,
    status: toWord(STATUS_WORDS, call.status, "status of a call"),
    promptTokens: call.promptTokens,
    completionTokens: call.completionTokens,
    cachedTokens: call.cachedTokens,
    reasoningTokens: call.reasoningTokens,
    price: call.price && toMoney(call.price),
    latencyMs: call.latencyMs,
    timeToFirstTokenMs: call.timeToFirstTokenMs,
    error: fromText(call.error),
    createdAt: fromTimestamp(call.createdAt),
  };
}

/** Gives a page of calls as plain values. */
export function toApiCallPage(response: ListApiCallsResponse): ApiCallPage {
  return {
    apiCalls: response.apiCalls.map(toApiCall),
    nextPageToken: fromText(response.nextPageToken),
  };
}

/**
 * Gives a call to record as the API has it, with an id if it has none; `path` is its field.
 *
 * @throws StateError `invalid_argument` naming the field if the call, its status, a count,
 * its price or a time is none.
 */
export function fromNewApiCall(
  input: NewApiCall,
  path: string,
): MessageInitShape<typeof ApiCallSchema> {
  const { status, price, createdAt, ...call } = toObject(input, path);
  return {
    id: call.id ?? newId(),
    sessionId: call.sessionId ?? "",
    requestMessageId: call.requestMessageId ?? "",
    responseMessageId: call.responseMessageId ?? "",
    userId: call.userId ?? "",
    agentId: call.agentId ?? "",
    model: call.model,
    status: fromApiCallStatus(status, `${path}.status`),
    promptTokens: toOptionalCount(call.promptTokens, `${path}.prompt_tokens`),
    completionTokens: toOptionalCount(call.completionTokens, `${path}.completion_tokens`),
    cachedTokens: toOptionalCount(call.cachedTokens, `${path}.cached_tokens`),
    reasoningTokens: toOptionalCount(call.reasoningTokens, `${path}.reasoning_tokens`),
    price: price === undefined ? undefined : fromMoney(price, `${path}.price`),
    latencyMs: toOptionalMs(call.latencyMs, `${path}.latency_ms`),
    timeToFirstTokenMs: toOptionalMs(call.timeToFirstTokenMs, `${path}.time_to_first_token_ms`),
    error: call.error ?? "",
    createdAt: toOptionalTimestamp(createdAt, `${path}.created_at`),
  };
}

/**
 * Gives how a call ended as the API has it; `path` is its field.
 *
 * @throws StateError `invalid_argument` if it is no status.
 */
export function fromApiCallStatus(status: ApiCallStatus, path: string): ProtoStatus {
  return fromWord(STATUSES, status, path);
}
