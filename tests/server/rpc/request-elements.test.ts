import { create, toBinary } from "@bufbuild/protobuf";
import {
  AppendMessagesRequestSchema,
  ListMessagesRequestSchema,
} from "@mofa-state/proto/mofa/state/v1/message_pb.js";
import {
  OpenSessionRequestSchema,
  UpdateSessionRequestSchema,
} from "@mofa-state/proto/mofa/state/v1/session_pb.js";
import { describe, expect, it } from "vitest";
import { decodeRequest } from "../../../server/src/rpc/codec.js";

const TOO_MANY = expect.objectContaining({ code: "resource_exhausted", reason: "LIMIT_EXCEEDED" });

function appendOf(count: number): Buffer {
  // Each is an empty message: its field and a length of 0.
  return Buffer.alloc(2 * count, Buffer.from([0x12, 0x00]));
}

function openWith(values: number): Buffer {
  const list = Array.from({ length: values }, () => null);
  const request = create(OpenSessionRequestSchema, { session: { metadata: { list } } });
  return Buffer.from(toBinary(OpenSessionRequestSchema, request));
}

describe("decoding a request", () => {
  it("takes as many messages as fit into the largest append", () => {
    const { messages } = decodeRequest(AppendMessagesRequestSchema, appendOf(50_000));

    expect(messages).toHaveLength(50_000);
  });

  it("refuses more messages than it could hold, before it decodes them", () => {
    const decode = () => decodeRequest(AppendMessagesRequestSchema, appendOf(8_000_000));

    expect(decode).toThrow(TOO_MANY);
  });

  it.each([
    ["unknown fields", Buffer.alloc(2_000_000, Buffer.from([0x7a, 0x00]))],
    [
      "packed numbers",
      Buffer.concat([Buffer.from([0x2a, 0xc0, 0x84, 0x3d]), Buffer.alloc(1_000_000, 1)]),
    ],
    ["numbers one by one", Buffer.alloc(2_000_000, Buffer.from([0x28, 0x01]))],
  ])("refuses more %s than a request can mean", (_, bytes) => {
    const decode = () => decodeRequest(ListMessagesRequestSchema, bytes);

    expect(decode).toThrow(TOO_MANY);
  });

  it("takes a thousand long texts in a list", () => {
    const keys = Array.from({ length: 1_000 }, (_, index) => `${index}`.padEnd(255, "x"));
    const request = create(UpdateSessionRequestSchema, { metadataRemove: keys });
    const bytes = Buffer.from(toBinary(UpdateSessionRequestSchema, request));

    const { metadataRemove } = decodeRequest(UpdateSessionRequestSchema, bytes);

    expect(metadataRemove).toEqual(keys);
  });

  it("takes metadata of many values, and refuses what is far beyond it", () => {
    const { session } = decodeRequest(OpenSessionRequestSchema, openWith(400_000));
    const decode = () => decodeRequest(OpenSessionRequestSchema, openWith(600_000));

    expect(session?.metadata?.list).toHaveLength(400_000);
    expect(decode).toThrow(TOO_MANY);
  });
});
