import { create, toBinary } from "@bufbuild/protobuf";
import { GetSessionRequestSchema } from "@mofa-state/proto/mofa/state/v1/session_pb.js";
import { expect, it } from "vitest";
import { decodeRequest } from "../../../server/src/rpc/codec.js";

it("keeps a U+FEFF at the start of a text of a request", () => {
  const session = { case: "key", value: "\uFEFFkey" } as const;
  const bytes = toBinary(GetSessionRequestSchema, create(GetSessionRequestSchema, { session }));

  const request = decodeRequest(GetSessionRequestSchema, Buffer.from(bytes));

  expect(request.session).toEqual(session);
});
