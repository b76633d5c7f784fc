import { create, fromBinary, type MessageInitShape } from "@bufbuild/protobuf";
import { FileDescriptorProtoSchema } from "@bufbuild/protobuf/wkt";
import { status } from "@grpc/grpc-js";
import { ServerReflectionRequestSchema } from "@mofa-state/proto/grpc/reflection/v1/reflection_pb.js";
import { MessageService } from "@mofa-state/proto/mofa/state/v1/message_pb.js";
import { SessionService } from "@mofa-state/proto/mofa/state/v1/session_pb.js";
import { describe, expect, it } from "vitest";
import { NIL_UUID } from "../../../server/src/domain/uuid.js";
import { DescriptorIndex } from "../../../server/src/rpc/descriptor-index.js";
import { reflectionHandlers } from "../../../server/src/rpc/reflection.js";

type Question = NonNullable<
  MessageInitShape<typeof ServerReflectionRequestSchema>["messageRequest"]
>;

const SERVICES = [SessionService, MessageService];

/** Asks one question, and gives the answer. */
async function ask(messageRequest: Question) {
  async function* requests() {
    yield create(ServerReflectionRequestSchema, { host: "h", messageRequest });
  }
  const { v1 } = reflectionHandlers(SERVICES);
  const { signal } = new AbortController();
  const context = { tenantId: NIL_UUID, signal, aborted: false };
  const stream = Object.assign(requests(), { lastByteLength: 0 });
  for await (const reply of v1.serverReflectionInfo(stream, context)) {
    if (reply instanceof Uint8Array || typeof reply === "function") break;
    return reply.messageResponse;
  }
  throw new Error("there was no answer");
}

describe("reflection", () => {
  it("lists the services", async () => {
    const answer = await ask({ case: "listServices", value: "" });

    expect(answer).toMatchObject({
      case: "listServicesResponse",
      value: { service: SERVICES.map(({ typeName }) => ({ name: typeName })) },
    });
  });

  it.each(["mofa/state/v1/session.proto", "google/protobuf/struct.proto"])(
    "gives the file %s",
    async (value) => {
      const answer = await ask({ case: "fileByFilename", value });

      expect(answer?.case).toBe("fileDescriptorResponse");
    },
  );

  it.each(["ErrorInfo", "BadRequest", "RetryInfo"])(
    "gives the file of the error detail %s",
    async (name) => {
      const value = `google.rpc.${name}`;

      const answer = await ask({ case: "fileContainingSymbol", value });

      expect(answer?.case).toBe("fileDescriptorResponse");
    },
  );

  it.each<[string, Question]>([
    ["file", { case: "fileByFilename", value: "none.proto" }],
    ["symbol", { case: "fileContainingSymbol", value: "mofa.state.v1.None" }],
    ["type", { case: "allExtensionNumbersOfType", value: "mofa.state.v1.None" }],
    [
      "extension",
      {
        case: "fileContainingExtension",
        value: { containingType: "mofa.state.v1.Session", extensionNumber: 1 },
      },
    ],
  ])("answers NOT_FOUND for an unknown %s", async (_, question) => {
    const answer = await ask(question);

    expect(answer).toMatchObject({ case: "errorResponse", value: { errorCode: status.NOT_FOUND } });
  });

  it("knows no extensions", async () => {
    const value = "mofa.state.v1.Session";

    const answer = await ask({ case: "allExtensionNumbersOfType", value });

    expect(answer).toMatchObject({
      case: "allExtensionNumbersResponse",
      value: { baseTypeName: value },
    });
  });
});

describe("the index of descriptors", () => {
  it.each([
    "mofa.state.v1.MessageService",
    "mofa.state.v1.MessageService.AppendMessages",
    "mofa.state.v1.Message",
    ".mofa.state.v1.Message",
    "mofa.state.v1.Message.token_count",
    "mofa.state.v1.Part.part",
    "mofa.state.v1.Role",
    "mofa.state.v1.ROLE_USER",
  ])("finds the file of %s", (symbol) => {
    const files = new DescriptorIndex(SERVICES).fileOfSymbol(symbol) ?? [];

    const names = files.map((file) => fromBinary(FileDescriptorProtoSchema, file).name);
    expect(names[0]).toBe("mofa/state/v1/message.proto");
    expect(names).toContain("google/protobuf/struct.proto");
    expect(new Set(names).size).toBe(names.length);
  });
});
