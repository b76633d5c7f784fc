import type { MessageInitShape } from "@bufbuild/protobuf";
import type {
  Session as ProtoSession,
  SessionSchema,
} from "@mofa-state/proto/mofa/state/v1/session_pb.js";
import type { Session } from "../domain/model.js";
import type { SessionInput } from "../domain/sessions.js";
import { fromStruct, toStruct, toTimestamp } from "./convert.js";

/** Gives what a client sets of a session; output-only fields are left out. */
export function fromProtoSession(session: ProtoSession | undefined): SessionInput {
  return {
    id: session?.id ?? "",
    key: session?.key ?? "",
    userId: session?.userId ?? "",
    agentId: session?.agentId ?? "",
    title: session?.title ?? "",
    metadata: fromStruct(session?.metadata),
  };
}

/** Gives a session as the API has it. */
export function toProtoSession(session: Session): MessageInitShape<typeof SessionSchema> {
  return {
    id: session.id,
    key: session.key ?? "",
    userId: session.userId ?? "",
    agentId: session.agentId ?? "",
    title: session.title,
    ...toStruct(session.metadata),
    createdAt: toTimestamp(session.createdAt),
    updatedAt: toTimestamp(session.updatedAt),
    headSequence: BigInt(session.headSequence),
    messageCount: BigInt(session.messageCount),
    revision: BigInt(session.revision),
    version: BigInt(session.version),
    forkSessionId: session.forkSessionId ?? "",
    forkSequence: BigInt(session.forkSequence),
  };
}
