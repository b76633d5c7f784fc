import { status } from "@grpc/grpc-js";
import { describe, expect, it } from "vitest";
import { StateError } from "../../../server/src/domain/errors.js";
import { boundedText } from "../../../server/src/rpc/bounded-text.js";
import { toStatus } from "../../../server/src/rpc/status.js";
import { decodeDetails, KeptErrors } from "./raw-grpc.js";

describe("the status of an error", () => {
  it("tells the reason, the metadata and the fields of a StateError", () => {
    const error = new StateError("aborted", "VERSION_CONFLICT", "it is at version 2, not 1", {
      metadata: { expected: "1", actual: "2" },
      violations: [{ field: "expected_version", description: "is old" }],
    });

    const sent = toStatus(error, new KeptErrors());

    expect(sent.code).toBe(status.ABORTED);
    expect(sent.message).toBe("it is at version 2, not 1");
    expect(decodeDetails(sent.encodedDetails)).toMatchObject({
      message: "it is at version 2, not 1",
      info: {
        domain: "mofa.state",
        reason: "VERSION_CONFLICT",
        metadata: { expected: "1", actual: "2" },
      },
      badRequest: { fieldViolations: [{ field: "expected_version", description: "is old" }] },
      retry: undefined,
    });
  });

  it.each([
    [undefined, { seconds: 1n, nanos: 0 }],
    [2_500, { seconds: 2n, nanos: 500_000_000 }],
    [0.4, { seconds: 0n, nanos: 0 }],
  ])("says when to try again after %s ms", (retryAfterMs, retryDelay) => {
    const options = retryAfterMs === undefined ? {} : { retryAfterMs };
    const error = new StateError("unavailable", "DATABASE_UNAVAILABLE", "no answer", options);

    const sent = toStatus(error, new KeptErrors());

    expect(decodeDetails(sent.encodedDetails).retry).toMatchObject({ retryDelay });
  });

  it("keeps the cause of a StateError to the log", () => {
    const cause = new Error("connect /var/run/secret.sock");
    const error = new StateError("internal", "INTERNAL", "a row is damaged", { cause });
    const log = new KeptErrors();

    const sent = toStatus(error, log);

    expect(sent.message + Buffer.from(sent.encodedDetails).toString("latin1")).not.toContain(
      "secret",
    );
    expect(log.errors).toEqual([{ err: error }]);
  });

  it.each([undefined, null, "text", { code: 5, details: "SELECT" }, new Error("SELECT")])(
    "hides %o, which is no StateError",
    (thrown) => {
      const sent = toStatus(thrown, new KeptErrors());

      expect(sent.code).toBe(status.INTERNAL);
      expect(sent.message).toBe("internal error");
      expect(decodeDetails(sent.encodedDetails).info).toMatchObject({
        reason: "INTERNAL",
        metadata: {},
      });
    },
  );

  it("drops the last fields when there are too many to tell", () => {
    const violations = Array.from({ length: 1_000 }, (_, i) => ({
      field: `messages[${i}].content`,
      description: "x".repeat(200),
    }));
    const error = new StateError("invalid_argument", "INVALID_ARGUMENT", "bad", { violations });

    const { byteLength, badRequest } = decodeDetails(
      toStatus(error, new KeptErrors()).encodedDetails,
    );

    expect(byteLength).toBeLessThanOrEqual(4_096);
    expect(byteLength).toBeGreaterThan(3_500);
    expect(badRequest).toMatchObject({
      fieldViolations: expect.arrayContaining([
        expect.objectContaining({ field: "messages[0].content" }),
      ]),
    });
  });
});

describe("a bounded text", () => {
  it("is the text itself where it fits", () => {
    expect(boundedText("né😀", 7)).toBe("né😀");
  });

  it("is cut between characters, and says so", () => {
    expect(boundedText("né😀", 6)).toBe("né…");
  });

  it("has no lone surrogates", () => {
    expect(boundedText("a\uD83D", 10)).toBe("a\uFFFD");
  });
});
