import type { ApiCallContent, ApiCallStatus, NewApiCall, Price } from "./api-call.js";
import type { Checks } from "./checks.js";
import { hashApiCall } from "./request-hash.js";
import { newUuid } from "./uuid.js";

/** The longest name of a model, in bytes: what MySQL compares byte for byte. */
export const MAX_MODEL_BYTES = 255;

const MAX_ERROR_BYTES = 8_192;
const MAX_NANO_UNITS = 1e15;
const CURRENCY = /^[A-Z]{3}$/;

/** How far a call's time may be ahead of the server's clock, in milliseconds. */
const MAX_AHEAD_MS = 24 * 60 * 60 * 1_000;

/** What a client sets of a call to a model; empty text is none. */
export interface ApiCallInput {
  readonly id: string;
  readonly sessionId: string;
  readonly requestMessageId: string;
  readonly responseMessageId: string;
  readonly userId: string;
  readonly agentId: string;
  readonly model: string;
  /** Undefined if it is none of the statuses. */
  readonly status: ApiCallStatus | undefined;
  readonly promptTokens: number | undefined;
  readonly completionTokens: number | undefined;
  readonly cachedTokens: number | undefined;
  readonly reasoningTokens: number | undefined;
  readonly price: Price | undefined;
  readonly latencyMs: number | undefined;
  readonly timeToFirstTokenMs: number | undefined;
  readonly error: string;
  /** Undefined is now. */
  readonly createdAt: Date | undefined;
}

/** What a call is of, whatever the client sets: a session, and maybe a message of it. */
export interface ApiCallPlace {
  readonly sessionId: string;
  readonly responseMessageId?: string;
}

/**
 * Checks a call at `path` of a request (ending with a dot), and gives what makes it, once
 * everything has been found sound. Of what `place` says, the client's own is ignored.
 */
export function toNewApiCall(
  checks: Checks,
  input: ApiCallInput,
  path: string,
): (place?: ApiCallPlace) => NewApiCall {
  const id = checks.optionalUuid(`${path}id`, input.id);
  const content = toContent(checks, input, path);
  const createdAt = checkTime(checks, `${path}created_at`, input.createdAt);
  return (place) => {
    const call = { ...content, ...place };
    const requestHash = hashApiCall(call, createdAt);
    return { ...call, id: id ?? newUuid(), createdAt: createdAt ?? new Date(), requestHash };
  };
}

function toContent(checks: Checks, input: ApiCallInput, path: string): ApiCallContent {
  const uuid = (field: string, text: string) => checks.optionalUuid(`${path}${field}`, text);
  const count = (field: string, value: number | undefined) =>
    checks.optionalInteger(`${path}${field}`, value, 0);
  const { status } = input;
  if (status === undefined) {
    const statuses = "must be success, failed, timeout, rate_limited or cancelled";
    checks.add(`${path}status`, statuses);
  }
  return {
    sessionId: uuid("session_id", input.sessionId),
    requestMessageId: uuid("request_message_id", input.requestMessageId),
    responseMessageId: uuid("response_message_id", input.responseMessageId),
    userId: uuid("user_id", input.userId),
    agentId: uuid("agent_id", input.agentId),
    model: checks.requiredText(`${path}model`, input.model, MAX_MODEL_BYTES),
    status: status ?? "success",
    promptTokens: count("prompt_tokens", input.promptTokens),
    completionTokens: count("completion_tokens", input.completionTokens),
    cachedTokens: count("cached_tokens", input.cachedTokens),
    reasoningTokens: count("reasoning_tokens", input.reasoningTokens),
    price: checkPrice(checks, `${path}price`, input.price),
    latencyMs: count("latency_ms", input.latencyMs),
    timeToFirstTokenMs: count("time_to_first_token_ms", input.timeToFirstTokenMs),
    error: checks.text(`${path}error`, input.error, MAX_ERROR_BYTES),
  };
}

function checkPrice(checks: Checks, field: string, price: Price | undefined): Price | undefined {
  if (price === undefined) return undefined;
  const { nanoUnits, currency } = price;
  if (nanoUnits < 0 || nanoUnits > MAX_NANO_UNITS) {
    checks.add(`${field}.nano_units`, `must be 0 to ${MAX_NANO_UNITS}`);
  }
  if (!CURRENCY.test(currency)) {
    checks.add(`${field}.currency`, "must be an ISO 4217 code: three letters A-Z");
  }
  return price;
}

/** Times before 1970 are refused: no call to a model is so old. */
function checkTime(checks: Checks, field: string, time: Date | undefined): Date | undefined {
  const latest = Date.now() + MAX_AHEAD_MS;
  const ms = time?.getTime() ?? 0;
  // A time that no Date can hold is NaN.
  if (!(ms >= 0 && ms <= latest)) {
    checks.add(field, "must be in 1970 or later, and not more than a day in the future");
  }
  return time;
}
