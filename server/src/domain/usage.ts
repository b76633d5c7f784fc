import type { ApiCall, ApiCallStatus } from "./api-call.js";
import { type ApiCallInput, MAX_MODEL_BYTES, toNewApiCall } from "./api-call-input.js";
import { Checks } from "./checks.js";
import { invalidArgument } from "./errors.js";
import type { Limits } from "./limits.js";
import type { JsonObject } from "./model.js";
import {
  type ListPage,
  type PageRequest,
  toListPage,
  toPageBounds,
  toPagePosition,
} from "./page.js";
import type { ApiCallFilter, UsageGroup, UsageGrouping, UsageStorage } from "./usage-storage.js";

/** Which calls are meant, as a client says it; empty text is no filter. */
export interface ApiCallFilterInput {
  readonly sessionId: string;
  readonly userId: string;
  readonly agentId: string;
  readonly model: string;
  /** Undefined if it is none of the statuses. */
  readonly status: ApiCallStatus | "any" | undefined;
  readonly from: Date | undefined;
  readonly through: Date | undefined;
}

/** A list as a client asks for it. */
export interface ApiCallQuery extends PageRequest {
  readonly filter: ApiCallFilterInput;
}

/** Totals as a client asks for them. */
export interface TotalQuery extends ApiCallQuery {
  /** Undefined if it is none of the groupings. */
  readonly groupBy: UsageGrouping | undefined;
}

/** The rules of usage: checks what clients send, and hands it to the storage. */
export class Usage {
  readonly #storage: UsageStorage;
  readonly #limits: Limits;

  constructor(storage: UsageStorage, limits: Limits) {
    this.#storage = storage;
    this.#limits = limits;
  }

  /** Records a call to a model, see {@link UsageStorage.record}. */
  record(tenantId: string, input: ApiCallInput | undefined): Promise<ApiCall> {
    if (input === undefined) {
      throw invalidArgument([{ field: "api_call", description: "is required" }]);
    }
    const checks = new Checks();
    const call = toNewApiCall(checks, input, "api_call.");
    checks.throwIfAny();
    return this.#storage.record(tenantId, call());
  }

  /** Lists calls, newest first. */
  async list(tenantId: string, query: ApiCallQuery): Promise<ListPage<ApiCall>> {
    const checks = new Checks();
    const filter = toFilter(checks, query.filter);
    const bounds = toPageBounds(checks, query, this.#limits);
    checks.throwIfAny();
    const binding: JsonObject = { list: "api_calls", tenantId, filter: toBinding(filter) };
    const [createdAt, id] =
      toPagePosition(checks, query, { binding, shape: ["number", "string"] }) ?? [];
    checks.throwIfAny();
    const after =
      createdAt === undefined ? undefined : { createdAt: new Date(createdAt), id: String(id) };
    const page = await this.#storage.list(tenantId, filter, after, bounds);
    return toListPage(page, binding, (call) => [call.createdAt.getTime(), call.id]);
  }

  /** Adds calls up, see {@link UsageStorage.total}. */
  async total(tenantId: string, query: TotalQuery): Promise<ListPage<UsageGroup>> {
    const checks = new Checks();
    const filter = toFilter(checks, query.filter);
    const groupBy = query.groupBy ?? "none";
    if (query.groupBy === undefined) {
      checks.add("group_by", "must be day, model, agent, user or session, or unspecified");
    }
    const bounds = toPageBounds(checks, query, this.#limits);
    checks.throwIfAny();
    const binding: JsonObject = { list: "usage", tenantId, groupBy, filter: toBinding(filter) };
    const [hasKey, key] =
      toPagePosition(checks, query, { binding, shape: ["number", "string"] }) ?? [];
    checks.throwIfAny();
    const after = hasKey === undefined ? undefined : { key: hasKey ? String(key) : undefined };
    const page = await this.#storage.total(tenantId, { filter, groupBy, after }, bounds);
    return toListPage(page, binding, (group) => [Number(group.key !== undefined), group.key ?? ""]);
  }

  /** Deletes the calls that were made before a time, and tells how many they were. */
  purge(tenantId: string, before: Date | undefined): Promise<number> {
    const checks = new Checks();
    checks.optionalTime("before", before);
    if (before === undefined) checks.add("before", "is required");
    checks.throwIfAny();
    if (before === undefined) throw new Error("a purge without a time passed its checks");
    return this.#storage.purge(tenantId, before);
  }
}

function toFilter(checks: Checks, input: ApiCallFilterInput): ApiCallFilter {
  const { status } = input;
  if (status === undefined) {
    const statuses = "must be success, failed, timeout, rate_limited or cancelled, or unspecified";
    checks.add("filter.status", statuses);
  }
  const model = checks.text("filter.model", input.model, MAX_MODEL_BYTES);
  return {
    sessionId: checks.optionalUuid("filter.session_id", input.sessionId),
    userId: checks.optionalUuid("filter.user_id", input.userId),
    agentId: checks.optionalUuid("filter.agent_id", input.agentId),
    model: model === "" ? undefined : model,
    status: status === "any" ? undefined : status,
    from: checks.optionalTime("filter.from", input.from),
    through: checks.optionalTime("filter.through", input.through),
  };
}

/** What a page token is bound to of a filter. */
function toBinding(filter: ApiCallFilter): JsonObject {
  return {
    sessionId: filter.sessionId ?? "",
    userId: filter.userId ?? "",
    agentId: filter.agentId ?? "",
    model: filter.model ?? "",
    status: filter.status ?? "",
    from: filter.from?.getTime() ?? "",
    through: filter.through?.getTime() ?? "",
  };
}
