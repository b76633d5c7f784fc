import type { Money } from "../model/usage.js";
import type { ModelUsage } from "./chat-model.js";

const MAX_COUNT = 2 ** 31 - 1;
const MAX_AMOUNT = 1_000_000;
const AMOUNT = /^\d{1,9}(\.\d{1,9})?$/;
const CURRENCY = /^[A-Z]{3}$/;

/** Gives what is recorded of an answer's usage: a number that makes no sense is no reason to lose the answer. */
export function toRecordedUsage(usage: ModelUsage): ModelUsage {
  return {
    promptTokens: toCount(usage.promptTokens),
    completionTokens: toCount(usage.completionTokens),
    cachedTokens: toCount(usage.cachedTokens),
    reasoningTokens: toCount(usage.reasoningTokens),
    price: toPrice(usage.price),
  };
}

function toCount(count: number | undefined): number | undefined {
  return Number.isInteger(count) && Number(count) >= 0 && Number(count) <= MAX_COUNT
    ? count
    : undefined;
}

function toPrice(price: Money | undefined): Money | undefined {
  const { amount, currency } = price ?? {};
  // Also of models that are written without types.
  if (typeof amount !== "string" || typeof currency !== "string") return undefined;
  const isSound = AMOUNT.test(amount) && Number(amount) <= MAX_AMOUNT && CURRENCY.test(currency);
  return isSound ? { amount, currency } : undefined;
}
