import type { Money as ProtoMoney } from "@mofa-state/proto/mofa/state/v1/usage_pb.js";
import { invalidArgument } from "../errors.js";
import type { Money } from "../model/usage.js";
import { describe } from "./describe.js";
import { toObject } from "./shape.js";

const NANOS = 1_000_000_000n;
/** Whole units and up to nine places, of which any fit into an int64. */
const DECIMAL = /^(\d{1,9})(?:\.(\d{1,9}))?$/;

/**
 * Gives an amount of money as the API has it; `path` is its field.
 *
 * @throws StateError `invalid_argument` if the amount is no decimal with at most 9 places.
 */
export function fromMoney(money: Money, path: string) {
  const { amount, currency } = toObject(money, path);
  return { nanoUnits: fromAmount(amount, `${path}.nano_units`), currency };
}

/** Gives an amount of money as plain values, the amount in its shortest form. */
export function toMoney({ nanoUnits, currency }: ProtoMoney): Money {
  const places = String(nanoUnits % NANOS)
    .padStart(9, "0")
    .replace(/0+$/, "");
  const units = String(nanoUnits / NANOS);
  return { amount: places === "" ? units : `${units}.${places}`, currency };
}

function fromAmount(amount: string, field: string): bigint {
  const [, units, places = ""] = (typeof amount === "string" && DECIMAL.exec(amount)) || [];
  if (units !== undefined) return BigInt(units) * NANOS + BigInt(places.padEnd(9, "0"));
  const text = typeof amount === "string" ? JSON.stringify(amount) : describe(amount);
  const description = `the amount must be text such as "0.01", from 0 to 1000000 with at most 9 places, not ${text}`;
  throw invalidArgument(field, description);
}
