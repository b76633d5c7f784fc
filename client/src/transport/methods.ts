import { clone, createFileRegistry, type DescFile, type DescService } from "@bufbuild/protobuf";
import { FileDescriptorProtoSchema } from "@bufbuild/protobuf/wkt";
import { AgentStateService } from "@mofa-state/proto/mofa/state/v1/agent_state_pb.js";
import { MessageService } from "@mofa-state/proto/mofa/state/v1/message_pb.js";
import { SessionService } from "@mofa-state/proto/mofa/state/v1/session_pb.js";
import { UsageService } from "@mofa-state/proto/mofa/state/v1/usage_pb.js";

const sessionService = withoutStructs(SessionService);

/** The methods of SessionService, which leave google.protobuf.Struct fields undecoded. */
export const sessionMethods = sessionService.method;

/** The methods of MessageService, which leave google.protobuf.Struct fields undecoded. */
export const messageMethods = withoutStructs(MessageService, [sessionService.file]).method;

/** The methods of AgentStateService. */
export const agentStateMethods = AgentStateService.method;

/** The methods of UsageService. */
export const usageMethods = UsageService.method;

/**
 * Gives a service whose messages do not know their google.protobuf.Struct fields.
 *
 * What is read lands among the unknown fields, from where `getStruct` decodes it without
 * the losses of protobuf-es. In all else the messages are those of the generated types.
 * Messages of other files know theirs, except those of `changedFiles`.
 */
function withoutStructs<S extends DescService>(
  service: S,
  changedFiles: readonly DescFile[] = [],
): S {
  const file = clone(FileDescriptorProtoSchema, service.file.proto);
  for (const message of file.messageType) {
    message.field = message.field.filter(({ typeName }) => typeName !== ".google.protobuf.Struct");
  }
  const dependencies = [...changedFiles, ...service.file.dependencies];
  const registry = createFileRegistry(file, (name) =>
    dependencies.find(({ proto }) => proto.name === name),
  );
  return registry.getService(service.typeName) as S;
}
