import type { DescService } from "@bufbuild/protobuf";
import { AdminService } from "@mofa-state/proto/mofa/state/v1/admin_pb.js";
import { AppendPipeline, type PipelineOptions } from "./append-pipeline.js";
import type { CallOptions } from "./call-options.js";
import { toServerStatus } from "./convert/server-status.js";
import { StateError } from "./errors.js";
import { createLowLevelClient, type LowLevelClient } from "./low-level.js";
import type { ServerStatus } from "./model/server-status.js";
import { Sessions } from "./sessions.js";
import type { Transport } from "./transport/transport.js";
import { Usage } from "./usage.js";

/**
 * A connection to a MoFA State server, or to one of a group, as `connect` gives it.
 *
 * One is enough for a process: its calls share one HTTP/2 connection, which is made
 * anew whenever it breaks.
 */
export class State {
  /** The tenant's sessions. */
  readonly sessions: Sessions;
  /** What the tenant's calls to models cost. */
  readonly usage: Usage;
  readonly #transport: Transport;
  readonly #onClose: (() => Promise<void>) | undefined;
  #closing: Promise<void> | undefined;

  /** @internal */
  constructor(transport: Transport, onClose?: () => Promise<void>) {
    this.#transport = transport;
    this.#onClose = onClose;
    this.sessions = new Sessions(transport);
    this.usage = new Usage(transport);
  }

  /** Tells what runs on the server, and how much it holds. */
  async status(options?: CallOptions): Promise<ServerStatus> {
    const { getStatus } = AdminService.method;
    return toServerStatus(await this.#transport.unary(getStatus, {}, options));
  }

  /**
   * Opens a pipeline, for appends that do not wait for each other: many times as many a
   * second as one after the other.
   *
   * @throws StateError `invalid_argument` if an option cannot be used.
   *
   * @example
   * await using pipeline = state.pipeline();
   * await Promise.all(lines.map((content) => pipeline.append(session, { role: "user", content })));
   */
  pipeline(options: PipelineOptions = {}): AppendPipeline {
    return new AppendPipeline(this.#transport, options);
  }

  /** The tenant that `connect` was given, in lower case; undefined if none was. */
  get tenantId(): string | undefined {
    return this.#transport.tenantId;
  }

  /**
   * Gives this connection for the work in a tenant, if it was made without one. Closing
   * either closes both.
   *
   * @throws StateError `failed_precondition` TENANT_BOUND if `connect` was given another tenant.
   */
  inTenant(tenantId: string): State {
    if (this.tenantId === tenantId.toLowerCase()) return this;
    if (this.tenantId === undefined) {
      return new State(this.#transport.inTenant(tenantId), () => this.close());
    }
    const message = `the connection is bound to tenant ${this.tenantId}: connect with ${tenantId}`;
    throw new StateError("failed_precondition", message, { reason: "TENANT_BOUND" });
  }

  /**
   * Gives a client of a generated service, which speaks the generated types: bigint,
   * oneofs and all. Each of its calls is made once: not repeated, not resumed.
   *
   * @example
   * const { sessions } = await state.lowLevel(SessionService).listSessions({ pageSize: 10 });
   */
  lowLevel<S extends DescService>(service: S): LowLevelClient<S> {
    return createLowLevelClient(this.#transport, service);
  }

  /**
   * Lets go of the connection. Calls under way end with `cancelled`, later ones are
   * `failed_precondition`. Closing twice is no error.
   */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  /** Closes at the end of an `await using` block. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #close(): Promise<void> {
    this.#transport.close();
    await this.#onClose?.();
  }
}
