import { clone, createFileRegistry, type DescService } from "@bufbuild/protobuf";
import { FileDescriptorProtoSchema } from "@bufbuild/protobuf/wkt";
import { AgentStateService } from "@mofa-state/proto/mofa/state/v1/agent_state_pb.js";
import { MessageService } from "@mofa-state/proto/mofa/state/v1/message_pb.js";
import { SessionService } from "@mofa-state/proto/mofa/state/v1/session_pb.js";

/** The methods of SessionService, which leave google.protobuf.Struct fields undecoded. */
export const sessionMethods = withoutStructs(SessionService).method;

/** The methods of MessageService, which leave google.protobuf.Struct fields undecoded. */
export const messageMethods = withoutStructs(MessageService).method;

/** The methods of AgentStateService. */
export const agentStateMethods = AgentStateService.method;

/**
 * Gives a service whose messages do not know their google.protobuf.Struct fields.
 *
 * What is read lands among the unknown fields, from where `getStruct` decodes it without
 * the losses of protobuf-es. In all else the messages are those of the generated types.
 */
function withoutStructs<S extends DescService>(service: S): S {
  const file = clone(FileDescriptorProtoSchema, service.file.proto);
  for (const message of file.messageType) {
    message.field = message.field.filter(({ typeName }) => typeName !== ".google.protobuf.Struct");
  }
  const registry = createFileRegistry(file, (name) =>
    service.file.dependencies.find(({ proto }) => proto.name === name),
  );
  return registry.getService(service.typeName) as S;
}
