import { AdminService } from "@mofa-state/proto/mofa/state/v1/admin_pb.js";
import { AgentStateService } from "@mofa-state/proto/mofa/state/v1/agent_state_pb.js";
import { MessageService } from "@mofa-state/proto/mofa/state/v1/message_pb.js";
import { SessionService } from "@mofa-state/proto/mofa/state/v1/session_pb.js";
import { UsageService } from "@mofa-state/proto/mofa/state/v1/usage_pb.js";
import { AgentStates } from "./domain/agent-states.js";
import { announce } from "./domain/follow/announced-storage.js";
import { Feeds } from "./domain/follow/feeds.js";
import type { Limits } from "./domain/limits.js";
import type { Logger } from "./domain/log.js";
import { Messages } from "./domain/messages.js";
import { Sessions } from "./domain/sessions.js";
import type { Storage } from "./domain/storage.js";
import { Usage } from "./domain/usage.js";
import { LeaseSweeper, toSweepInterval } from "./domain/writing/lease-sweeper.js";
import { Writes } from "./domain/writing/writes.js";
import type { Pace } from "./pace.js";
import { adminHandlers } from "./rpc/admin-handlers.js";
import { agentStateHandlers } from "./rpc/agent-state-handlers.js";
import type { GrpcServer } from "./rpc/grpc-server.js";
import { beginMessages } from "./rpc/message-encoder.js";
import { messageHandlers } from "./rpc/message-handlers.js";
import { pipelineHandlers } from "./rpc/pipeline-handlers.js";
import { sessionHandlers } from "./rpc/session-handlers.js";
import { usageHandlers } from "./rpc/usage-handlers.js";
import { writeHandlers } from "./rpc/write-handlers.js";
import { packageVersion } from "./version.js";

/** The services of the API. */
export const API_SERVICES = [
  SessionService,
  MessageService,
  AgentStateService,
  UsageService,
  AdminService,
];

/** What the API is made with. */
export interface ApiOptions {
  readonly limits: Limits;
  readonly pace: Pace;
  readonly logger: Logger;
}

/** The rules of the API at work on a storage. */
export class Api {
  readonly #storage: Storage;
  readonly #options: ApiOptions;
  readonly #feeds: Feeds;
  readonly #writes: Writes;
  #sweeper: LeaseSweeper | undefined;

  constructor(storage: Storage, options: ApiOptions) {
    const { limits, pace, logger } = options;
    const { pollIntervalMs, heartbeatIntervalMs } = pace;
    this.#options = options;
    this.#feeds = new Feeds(storage, { pollIntervalMs, heartbeatIntervalMs, logger });
    this.#storage = announce(storage, this.#feeds);
    this.#writes = new Writes(this.#storage, limits, {
      announcements: this.#feeds,
      leaseMs: pace.writeLeaseMs,
      checkpointIntervalMs: pace.writeCheckpointMs,
      checkpointBytes: pace.writeCheckpointBytes,
      logger,
    });
  }

  /** Serves the API on a server. */
  addTo(server: GrpcServer): void {
    const { limits, logger } = this.#options;
    const { sessions, agentStates, usage } = this.#storage;
    const streams = { feeds: this.#feeds, encode: beginMessages };
    const messages = new Messages(this.#storage, limits, streams);
    server.add(SessionService, sessionHandlers(new Sessions(sessions, limits)));
    server.add(MessageService, {
      ...messageHandlers(messages),
      ...pipelineHandlers(messages, logger),
      ...writeHandlers(this.#writes),
    });
    server.add(AgentStateService, agentStateHandlers(new AgentStates(agentStates, limits)));
    server.add(UsageService, usageHandlers(new Usage(usage, limits)));
    const status = { storage: this.#storage, version: packageVersion(), startedAt: new Date() };
    server.add(AdminService, adminHandlers(status));
  }

  /** Begins what goes on without calls. */
  start(): void {
    const { pace, logger } = this.#options;
    this.#sweeper = new LeaseSweeper({
      writes: this.#storage.writes,
      intervalMs: toSweepInterval(pace.writeLeaseMs),
      logger,
    });
  }

  /** Ends what goes on without calls. */
  stop(): void {
    this.#sweeper?.stop();
  }

  /** Waits until all that writers had sent is stored, and ends the feeds. Only after all calls have ended. */
  async close(): Promise<void> {
    await this.#writes.close();
    this.#feeds.close();
  }
}
