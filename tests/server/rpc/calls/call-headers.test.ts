import { describe, expect, it } from "vitest";
import { isGrpc, readTimeoutMs } from "../../../../server/src/rpc/calls/call-headers.js";

describe("the timeout of a call", () => {
  it.each([
    ["1H", 3_600_000],
    ["2M", 120_000],
    ["3S", 3_000],
    ["50m", 50],
    ["1500u", 1.5],
    ["2000000n", 2],
    ["99999999H", 99_999_999 * 3_600_000],
    ["0m", 0],
  ])("is read from %s", (value, ms) => {
    expect(readTimeoutMs({ "grpc-timeout": value })).toBeCloseTo(ms);
  });

  it("is infinite where there is none", () => {
    expect(readTimeoutMs({})).toBe(Number.POSITIVE_INFINITY);
  });

  it.each(["", "-1S", "1", "S", "1s", "123456789S", "1 S", "1S, 2S", "1.5S"])(
    "is refused as %j",
    (value) => {
      expect(() => readTimeoutMs({ "grpc-timeout": value })).toThrow(
        expect.objectContaining({
          code: "invalid_argument",
          violations: [expect.objectContaining({ field: "grpc-timeout" })],
        }),
      );
    },
  );
});

describe("a call of gRPC", () => {
  it.each([
    ["application/grpc", true],
    ["application/grpc+proto", true],
    ["Application/GRPC", true],
    ["application/grpc;charset=utf-8", true],
    ["application/grpc+json", false],
    ["application/grpc-web", false],
    ["application/grpc-web+proto", false],
    ["application/json", false],
    ["", false],
    [undefined, false],
  ])("has the content type %j: %s", (contentType, isCall) => {
    const headers = contentType === undefined ? {} : { "content-type": contentType };
    expect(isGrpc(headers)).toBe(isCall);
  });
});
