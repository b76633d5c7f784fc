import { create, toBinary } from "@bufbuild/protobuf";
import { BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import { Metadata, status } from "@grpc/grpc-js";
import { AppendMessagesRequestSchema, Role } from "@mofa-state/proto/mofa/state/v1/message_pb.js";
import { expect, it, onTestFinished } from "vitest";
import { detailsOf, RawClient, type RawOutcome } from "../server/rpc/raw-grpc.js";
import { describeDatabases } from "../support/databases.js";
import { shareServer } from "./shared-server.js";

const APPEND = "/mofa.state.v1.MessageService/AppendMessages";
const TENANT = "0198f000-0000-7000-8000-00000000000b";
const INVALID = { code: status.INVALID_ARGUMENT, reason: "INVALID_ARGUMENT" };

/** Calls AppendMessages with bytes as they are. */
function append(address: string, request: Uint8Array): Promise<RawOutcome> {
  const client = new RawClient(address);
  onTestFinished(() => client.close());
  const metadata = new Metadata();
  metadata.set("x-tenant-id", TENANT);
  return client.unary(APPEND, request, { metadata });
}

/** Encodes a field of text with bytes of any kind. */
function textField(number: number, bytes: Uint8Array): Uint8Array {
  return new BinaryWriter().tag(number, WireType.LengthDelimited).bytes(bytes).finish();
}

/** Encodes an append of one message, whose own fields follow its role. */
function appendOf(sessionId: string, fields: Uint8Array): Uint8Array {
  const role = new BinaryWriter().tag(4, WireType.Varint).int32(Role.USER).finish();
  const id = textField(1, Buffer.from(sessionId));
  return Buffer.concat([id, textField(2, Buffer.concat([role, fields]))]);
}

/** Encodes metadata (field 7 of a message) with a number that JSON does not have. */
function metadataWith(value: number): Uint8Array {
  const number = new BinaryWriter().tag(2, WireType.Bit64).double(value).finish();
  const entry = Buffer.concat([textField(1, Buffer.from("n")), textField(2, number)]);
  return textField(7, textField(1, entry));
}

const MALFORMED: readonly (readonly [
  name: string,
  toRequest: (sessionId: string) => Uint8Array,
])[] = [
  ["bytes that are no message", () => Buffer.from("not a protobuf message")],
  ["a field that ends beyond the request", () => Buffer.from([0x0a, 0x7f, 0x41])],
  ["a varint that does not end", () => Buffer.alloc(16, 0xff)],
  ["text that is not UTF-8", (id) => appendOf(id, textField(5, Buffer.from([0xc3, 0x28])))],
  ["an encoded surrogate", (id) => appendOf(id, textField(5, Buffer.from([0xed, 0xa0, 0x80])))],
  ["metadata with NaN", (id) => appendOf(id, metadataWith(Number.NaN))],
  ["metadata with an infinity", (id) => appendOf(id, metadataWith(Number.POSITIVE_INFINITY))],
];

describeDatabases("a malformed request", (database) => {
  const server = shareServer(database);

  it.each(MALFORMED)("that has %s is refused, and the server lives on", async (_, toRequest) => {
    const state = await server.connect({ tenantId: TENANT });
    const session = await state.sessions.create();

    const { error } = await append(server.address, toRequest(session.id));

    expect(error?.code).toBe(INVALID.code);
    expect(error && detailsOf(error).info).toMatchObject({ reason: INVALID.reason });
    expect(await session.refresh()).toEqual(session.info);
    expect((await session.append({ role: "user" })).headSequence).toBe(1);
  });

  it("is not one that has fields of a later version, which are ignored", async () => {
    const state = await server.connect({ tenantId: TENANT });
    const session = await state.sessions.create();
    const request = create(AppendMessagesRequestSchema, {
      sessionId: session.id,
      messages: [{ role: Role.USER, content: "kept" }],
    });
    const later = textField(4_000, Buffer.from("later"));

    const bytes = Buffer.concat([toBinary(AppendMessagesRequestSchema, request), later]);
    const { error } = await append(server.address, bytes);

    expect(error).toBeUndefined();
    expect((await session.listMessagesPage()).messages).toMatchObject([{ content: "kept" }]);
  });
});
