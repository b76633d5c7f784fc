import { durationMs } from "@bufbuild/protobuf/wkt";
import type { GetStatusResponse } from "@mofa-state/proto/mofa/state/v1/admin_pb.js";
import type { ServerStatus } from "../model/server-status.js";
import { fromInt64, required } from "./scalar.js";

/** Gives the server's status as plain values. */
export function toServerStatus(status: GetStatusResponse): ServerStatus {
  return {
    version: status.version,
    backend: status.backend,
    schemaVersion: status.schemaVersion,
    uptimeMs: durationMs(required(status.uptime, "its uptime")),
    sessionCount: fromInt64(status.sessionCount),
    messageCount: fromInt64(status.messageCount),
    agentStateCount: fromInt64(status.agentStateCount),
  };
}
