import { durationFromMs } from "@bufbuild/protobuf/wkt";
import type { AdminService } from "@mofa-state/proto/mofa/state/v1/admin_pb.js";
import type { Storage } from "../domain/storage.js";
import type { Handlers } from "./service.js";

/** What AdminService tells of. */
export interface ServerStatus {
  readonly storage: Pick<Storage, "backend" | "schemaVersion" | "count">;
  readonly version: string;
  readonly startedAt: Date;
}

/** Implements AdminService. */
export function adminHandlers(server: ServerStatus): Handlers<typeof AdminService> {
  const { storage, version, startedAt } = server;
  return {
    async getStatus() {
      const counts = await storage.count();
      return {
        version,
        backend: storage.backend,
        schemaVersion: storage.schemaVersion,
        uptime: durationFromMs(Date.now() - startedAt.getTime()),
        sessionCount: BigInt(counts.sessions),
        messageCount: BigInt(counts.messages),
        agentStateCount: BigInt(counts.agentStates),
      };
    },
  };
}
