import { create, toBinary } from "@bufbuild/protobuf";
import { anyPack, durationFromMs } from "@bufbuild/protobuf/wkt";
import { Metadata, status } from "@grpc/grpc-js";
import {
  BadRequestSchema,
  ErrorInfoSchema,
  RetryInfoSchema,
} from "@mofa-state/proto/google/rpc/error_details_pb.js";
import { StatusSchema } from "@mofa-state/proto/google/rpc/status_pb.js";
import { describe, expect, it } from "vitest";
import { toStateError } from "../../../client/src/transport/status.js";

function serviceError(code: number, details: Uint8Array | undefined) {
  const metadata = new Metadata();
  if (details) metadata.set("grpc-status-details-bin", Buffer.from(details));
  return Object.assign(new Error(`${code}`), { code, details: "what happened", metadata });
}

describe("toStateError", () => {
  it("gives the code, text and details of a status", () => {
    const details = [
      anyPack(ErrorInfoSchema, create(ErrorInfoSchema, { reason: "R", metadata: { actual: "2" } })),
      anyPack(
        BadRequestSchema,
        create(BadRequestSchema, { fieldViolations: [{ field: "id", description: "is bad" }] }),
      ),
      anyPack(RetryInfoSchema, create(RetryInfoSchema, { retryDelay: durationFromMs(1_500) })),
    ];
    const bytes = toBinary(StatusSchema, create(StatusSchema, { details }));

    const error = toStateError(serviceError(status.ABORTED, bytes));

    expect(error).toMatchObject({
      code: "aborted",
      message: "what happened",
      reason: "R",
      metadata: { actual: "2" },
      violations: [{ field: "id", description: "is bad" }],
      retryAfterMs: 1_500,
    });
  });

  it("gives the code where the details are missing or malformed", () => {
    const bare = toStateError(serviceError(status.NOT_FOUND, undefined));
    const malformed = toStateError(serviceError(status.NOT_FOUND, Buffer.from([255, 255])));

    expect(bare).toMatchObject({ code: "not_found", reason: undefined, violations: [] });
    expect(malformed).toMatchObject({ code: "not_found", reason: undefined, violations: [] });
  });

  it("calls a connection that broke unavailable, however grpc-js puts it", () => {
    const reset = { ...serviceError(status.INTERNAL, undefined) };
    const details = "Received RST_STREAM with code 2 triggered by internal client error: EPIPE";

    const error = toStateError(Object.assign(new Error("13"), reset, { details }));

    expect(error).toMatchObject({ code: "unavailable" });
    expect(toStateError(serviceError(status.INTERNAL, undefined))).toMatchObject({
      code: "internal",
    });
  });

  it("knows every code of gRPC", () => {
    const codes = Object.values(status).filter((code) => typeof code === "number" && code > 0);

    const unknown = codes.filter(
      (code) => toStateError(serviceError(Number(code), undefined)).code === "unknown",
    );

    expect(unknown).toEqual([status.UNKNOWN]);
  });

  it("calls whatever else is thrown internal", () => {
    expect(toStateError("x")).toMatchObject({ code: "internal", cause: "x" });
    expect(toStateError(new TypeError("x"))).toMatchObject({ code: "internal" });
  });
});
