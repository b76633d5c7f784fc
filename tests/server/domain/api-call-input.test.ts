import { expect, it } from "vitest";
import type { NewApiCall } from "../../../server/src/domain/api-call.js";
import {
  type ApiCallInput,
  type ApiCallPlace,
  toNewApiCall,
} from "../../../server/src/domain/api-call-input.js";
import { Checks } from "../../../server/src/domain/checks.js";
import { newUuid } from "../../../server/src/domain/uuid.js";
import { stopClock } from "../../storage/contract/fixed-clock.js";
import { callInput } from "./call-input.js";

const NOW = new Date("2026-03-01T12:00:00.000Z");
const DAY_MS = 86_400_000;

function checked(given: Partial<ApiCallInput>, place?: ApiCallPlace): NewApiCall {
  const checks = new Checks();
  const make = toNewApiCall(checks, callInput(given), "api_call.");
  checks.throwIfAny();
  return make(place);
}

function usd(nanoUnits: number) {
  return { price: { nanoUnits, currency: "USD" } };
}

it.each<[string, Partial<ApiCallInput>]>([
  ["id", { id: "x" }],
  ["session_id", { sessionId: "x" }],
  ["request_message_id", { requestMessageId: "x" }],
  ["response_message_id", { responseMessageId: "x" }],
  ["user_id", { userId: "x" }],
  ["agent_id", { agentId: "x" }],
  ["model", { model: "" }],
  ["model", { model: "é".repeat(128) }],
  ["model", { model: "a\0" }],
  ["status", { status: undefined }],
  ["prompt_tokens", { promptTokens: -1 }],
  ["completion_tokens", { completionTokens: -1 }],
  ["cached_tokens", { cachedTokens: -1 }],
  ["reasoning_tokens", { reasoningTokens: -1 }],
  ["latency_ms", { latencyMs: -1 }],
  ["time_to_first_token_ms", { timeToFirstTokenMs: -1 }],
  ["price.nano_units", usd(-1)],
  ["price.nano_units", usd(1e15 + 1)],
  ["price.currency", { price: { nanoUnits: 1, currency: "usd" } }],
  ["price.currency", { price: { nanoUnits: 1, currency: "EURO" } }],
  ["price.currency", { price: { nanoUnits: 1, currency: "" } }],
  ["error", { error: "x".repeat(8_193) }],
  ["created_at", { createdAt: new Date(-1) }],
  ["created_at", { createdAt: new Date(Number.NaN) }],
  ["created_at", { createdAt: new Date(NOW.getTime() + DAY_MS + 1) }],
])("a call is refused with a bad %s", (field, given) => {
  stopClock(NOW);

  expect(() => checked(given)).toThrow(
    expect.objectContaining({
      violations: [expect.objectContaining({ field: `api_call.${field}` })],
    }),
  );
});

it("a call is taken with the largest values and the latest time", () => {
  stopClock(NOW);
  const largest = {
    ...usd(1e15),
    model: "x".repeat(255),
    error: "x".repeat(8_192),
    createdAt: new Date(NOW.getTime() + DAY_MS),
  };

  expect(checked(largest)).toMatchObject(largest);
  expect(checked({ createdAt: new Date(0) }).createdAt).toEqual(new Date(0));
});

it("a call that is repeated without a time is equal, whatever the case of its ids", () => {
  const move = stopClock(NOW);
  const id = newUuid();

  const first = checked({ id, userId: id });
  move(new Date(NOW.getTime() + 1));
  const second = checked({ id: id.toUpperCase(), userId: id.toUpperCase() });

  expect(first.createdAt).toEqual(NOW);
  expect(second.requestHash).toEqual(first.requestHash);
  expect(second).toMatchObject({ id, userId: id });
});

it("a call is of the place where it is recorded, whatever it says itself", () => {
  const [sessionId, responseMessageId, other] = [newUuid(), newUuid(), newUuid()];

  const call = checked({ sessionId: other, responseMessageId: other }, { sessionId });
  const written = checked({ sessionId: other }, { sessionId, responseMessageId });

  expect(call).toMatchObject({ sessionId, responseMessageId: other });
  expect(written).toMatchObject({ sessionId, responseMessageId });
});
