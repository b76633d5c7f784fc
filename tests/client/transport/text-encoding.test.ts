import { create, toBinary } from "@bufbuild/protobuf";
import { GetSessionResponseSchema } from "@mofa-state/proto/mofa/state/v1/session_pb.js";
import { expect, it } from "vitest";
import { decode } from "../../../client/src/transport/wire.js";

it("keeps a U+FEFF at the start of a text of an answer", () => {
  const answer = create(GetSessionResponseSchema, { session: { title: "\uFEFFtitle" } });

  const { session } = decode(GetSessionResponseSchema, toBinary(GetSessionResponseSchema, answer));

  expect(session?.title).toBe("\uFEFFtitle");
});
