import type { DescService } from "@bufbuild/protobuf";
import { file_google_rpc_error_details } from "@mofa-state/proto/google/rpc/error_details_pb.js";
import type {
  ServerReflection,
  ServerReflectionRequest,
} from "@mofa-state/proto/grpc/reflection/v1/reflection_pb.js";
import type {
  ServerReflectionRequest as ServerReflectionRequestV1Alpha,
  ServerReflection as ServerReflectionV1Alpha,
} from "@mofa-state/proto/grpc/reflection/v1alpha/reflection_pb.js";
import { DescriptorIndex } from "./descriptor-index.js";
import { GrpcStatus } from "./grpc-status.js";
import type { Handlers } from "./service.js";

// The two versions of the protocol differ in their package alone.
type Request = ServerReflectionRequest | ServerReflectionRequestV1Alpha;
type Question = Request["messageRequest"];
type Answer =
  | { case: "listServicesResponse"; value: { service: { name: string }[] } }
  | { case: "fileDescriptorResponse"; value: { fileDescriptorProto: Uint8Array[] } }
  | { case: "allExtensionNumbersResponse"; value: { baseTypeName: string } }
  | { case: "errorResponse"; value: { errorCode: GrpcStatus; errorMessage: string } };

/** Handlers for both versions of the reflection protocol. */
export interface ReflectionHandlers {
  readonly v1: Handlers<typeof ServerReflection>;
  readonly v1alpha: Handlers<typeof ServerReflectionV1Alpha>;
}

/** Serves reflection on services, so that clients like grpcurl need no `.proto` files. */
export function reflectionHandlers(services: readonly DescService[]): ReflectionHandlers {
  // No service names the details of errors: they come as google.protobuf.Any, which a
  // client can show only if it can ask for their types.
  const index = new DescriptorIndex(services, [file_google_rpc_error_details]);

  async function* answers<R extends Request>(requests: AsyncIterable<R>) {
    for await (const request of requests) {
      const messageResponse = answer(index, request.messageRequest);
      yield { validHost: request.host, originalRequest: request, messageResponse };
    }
  }

  return {
    v1: { serverReflectionInfo: (requests) => answers(requests) },
    v1alpha: { serverReflectionInfo: (requests) => answers(requests) },
  };
}

function answer(index: DescriptorIndex, question: Question): Answer {
  switch (question.case) {
    case "listServices":
      return {
        case: "listServicesResponse",
        value: { service: index.serviceNames.map((name) => ({ name })) },
      };
    case "fileByFilename":
      return files(index.fileByName(question.value), question.value);
    case "fileContainingSymbol":
      return files(index.fileOfSymbol(question.value), question.value);
    case "allExtensionNumbersOfType":
      return index.hasMessage(question.value)
        ? { case: "allExtensionNumbersResponse", value: { baseTypeName: question.value } }
        : notFound(question.value);
    case "fileContainingExtension":
      return notFound(`${question.value.containingType}:${question.value.extensionNumber}`);
    case undefined:
      return failure(GrpcStatus.INVALID_ARGUMENT, "the request asks nothing");
  }
}

function files(fileDescriptorProto: Uint8Array[] | undefined, name: string): Answer {
  if (fileDescriptorProto === undefined) return notFound(name);
  return { case: "fileDescriptorResponse", value: { fileDescriptorProto } };
}

function notFound(name: string): Answer {
  return failure(GrpcStatus.NOT_FOUND, `${name} is not known here`);
}

function failure(errorCode: GrpcStatus, errorMessage: string): Answer {
  return { case: "errorResponse", value: { errorCode, errorMessage } };
}
