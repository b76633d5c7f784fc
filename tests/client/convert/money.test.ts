import { create } from "@bufbuild/protobuf";
import { MoneySchema } from "@mofa-state/proto/mofa/state/v1/usage_pb.js";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { fromMoney, toMoney } from "../../../client/src/convert/money.js";

function toNanoUnits(amount: string): bigint {
  return fromMoney({ amount, currency: "USD" }, "price").nanoUnits;
}

function toAmount(nanoUnits: bigint): string {
  return toMoney(create(MoneySchema, { nanoUnits, currency: "USD" })).amount;
}

describe("an amount of money", () => {
  it.each([
    ["0", 0n],
    ["0.01", 10_000_000n],
    ["1.5", 1_500_000_000n],
    ["0.000000001", 1n],
    ["1000000", 1_000_000_000_000_000n],
    ["9007199.254740993", 9_007_199_254_740_993n],
  ])("of %s is exact in both directions", (amount, nanoUnits) => {
    expect(toNanoUnits(amount)).toBe(nanoUnits);
    expect(toAmount(nanoUnits)).toBe(amount);
  });

  it.each([
    ["1.50", "1.5"],
    ["2.000000000", "2"],
    ["007", "7"],
    ["10", "10"],
  ])("of %s comes back as %s, its shortest form", (amount, shortest) => {
    expect(toAmount(toNanoUnits(amount))).toBe(shortest);
  });

  it("keeps every sum that the server can give", () => {
    fc.assert(
      fc.property(fc.bigInt(0n, 2n ** 63n - 1n), (nanoUnits) => {
        const [units, places = ""] = toAmount(nanoUnits).split(".");
        expect(BigInt(`${units}${places.padEnd(9, "0")}`)).toBe(nanoUnits);
        expect(places).not.toMatch(/0$/);
      }),
    );
  });

  it.each(["", ".5", "1.", "-1", "+1", "1e-2", "0.0000000001", "1,5", " 1", "1\n", "0x1", "٣"])(
    "is refused if it is %j",
    (amount) => {
      expect(() => toNanoUnits(amount)).toThrow(
        expect.objectContaining({
          code: "invalid_argument",
          violations: [expect.objectContaining({ field: "price.nano_units" })],
        }),
      );
    },
  );

  it.each([0.01, 1n, undefined, null, {}, ["1"]])("is refused if it is no text: %s", (amount) => {
    const price = { amount, currency: "USD" } as unknown as Parameters<typeof fromMoney>[0];

    expect(() => fromMoney(price, "price")).toThrow(
      expect.objectContaining({ code: "invalid_argument" }),
    );
  });
});
