import type { ApiCallInput } from "../../../server/src/domain/api-call-input.js";

/** Gives a call as a client sends it, with nothing but a model and a status where nothing else is given. */
export function callInput(given: Partial<ApiCallInput> = {}): ApiCallInput {
  return {
    id: "",
    sessionId: "",
    requestMessageId: "",
    responseMessageId: "",
    userId: "",
    agentId: "",
    model: "model",
    status: "success",
    promptTokens: undefined,
    completionTokens: undefined,
    cachedTokens: undefined,
    reasoningTokens: undefined,
    price: undefined,
    latencyMs: undefined,
    timeToFirstTokenMs: undefined,
    error: "",
    createdAt: undefined,
    ...given,
  };
}
