import type { SelectQueryBuilder } from "typeorm";
import type { ApiCallStatus } from "../domain/api-call.js";
import { StateError } from "../domain/errors.js";
import type { Page, PageBounds } from "../domain/storage.js";
import type { Cost, UsageGroup, UsageGrouping, UsageQuery } from "../domain/usage-storage.js";
import type { ApiCallRow } from "./api-call-entity.js";
import { selectCalls } from "./api-call-list.js";
import { takePage } from "./bounded-page.js";
import type { Connection } from "./database.js";
import type { Dialect } from "./dialect.js";

/** What a group takes on the wire beside its key and its costs, and each cost, at most, in bytes. */
const GROUP_OVERHEAD_BYTES = 200;
const COST_BYTES = 24;

const MAX_INT64 = 2n ** 63n - 1n;

/**
 * Prices are added up in two parts, above and below it. Neither then passes what SQLite adds
 * up in, nor what a double holds exactly, up to 90 million calls in one group.
 */
const PRICE_PART = 100_000_000;

const STATUSES: readonly ApiCallStatus[] = [
  "success",
  "failed",
  "timeout",
  "rate_limited",
  "cancelled",
];

/** The columns that are added up: under which name, and what of a row. */
const SUMMED = [
  ["prompt_tokens", "promptTokens"],
  ["completion_tokens", "completionTokens"],
  ["cached_tokens", "cachedTokens"],
  ["reasoning_tokens", "reasoningTokens"],
  ["latency_ms", "latencyMs"],
  ["time_to_first_token_ms", "timeToFirstTokenMs"],
] as const;

type Summed = (typeof SUMMED)[number][0];

/** Which totals of which tenant. */
export interface UsageTotal extends UsageQuery {
  readonly tenantId: string;
}

type RawRow = Readonly<Record<string, unknown>>;

/** Adds calls up, in a statement for the groups and one for their costs. Both must see the same snapshot. */
export async function totalUsage(
  connection: Connection,
  dialect: Dialect,
  total: UsageTotal,
  bounds: PageBounds,
): Promise<Page<UsageGroup>> {
  const key = keyOf(total.groupBy, dialect);
  const rows = await selectGroups(selectTotal(connection, total, key), key)
    .limit(bounds.maxItems + 1)
    .getRawMany<RawRow>();
  const keys = rows.map(toKey);
  const ofCosts = selectTotal(connection, total, key);
  if (key !== undefined) upTo(ofCosts, key, keys.at(-1));
  const costs = await readCosts(ofCosts, key);
  const groups = rows.map((row, index) => toGroup(row, costs.get(keys[index]) ?? []));
  return takePage(groups, bounds, measure);
}

/** What groups are made by, in SQL; undefined for one group of everything. */
function keyOf(groupBy: UsageGrouping, { utcDay }: Dialect): string | undefined {
  switch (groupBy) {
    case "none":
      return undefined;
    case "day":
      return utcDay("apiCall.createdAt");
    case "model":
      return "apiCall.model";
    case "agent":
      return "apiCall.agentId";
    case "user":
      return "apiCall.userId";
    case "session":
      return "apiCall.sessionId";
  }
}

/** Selects the calls of all groups that come after the one to go on after. */
function selectTotal(
  connection: Connection,
  { tenantId, filter, after }: UsageTotal,
  key: string | undefined,
): SelectQueryBuilder<ApiCallRow> {
  const query = selectCalls(connection, { tenantId, ...filter }).select([]);
  if (key === undefined || after === undefined) return query;
  return after.key === undefined
    ? query.andWhere(`${key} IS NOT NULL`)
    : query.andWhere(`${key} > :afterKey`, { afterKey: after.key });
}

/** Leaves out the groups after the one with a key. */
function upTo(query: SelectQueryBuilder<ApiCallRow>, key: string, last: string | undefined): void {
  if (last === undefined) query.andWhere(`${key} IS NULL`);
  else query.andWhere(`(${key} IS NULL OR ${key} <= :lastKey)`, { lastKey: last });
}

function selectGroups(
  query: SelectQueryBuilder<ApiCallRow>,
  key: string | undefined,
): SelectQueryBuilder<ApiCallRow> {
  query.addSelect("COUNT(*)", "total");
  for (const status of STATUSES) {
    query.addSelect(`COUNT(CASE WHEN apiCall.status = '${status}' THEN 1 END)`, status);
  }
  for (const [name, property] of SUMMED) {
    query.addSelect(`SUM(apiCall.${property})`, `sum_${name}`);
    query.addSelect(`COUNT(apiCall.${property})`, `count_${name}`);
  }
  if (key === undefined) return query;
  // Databases do not agree on where NULL comes.
  return query
    .addSelect(key, "group_key")
    .addSelect(`CASE WHEN ${key} IS NULL THEN 0 ELSE 1 END`, "has_key")
    .groupBy(key)
    .orderBy("has_key")
    .addOrderBy("group_key");
}

async function readCosts(
  query: SelectQueryBuilder<ApiCallRow>,
  key: string | undefined,
): Promise<ReadonlyMap<string | undefined, readonly Cost[]>> {
  const price = "apiCall.priceNanoUnits";
  // Without a division that leaves a rest, which is of another type on each database.
  const units = `SUM((${price} - ${price} % ${PRICE_PART}) / ${PRICE_PART})`;
  query
    .addSelect("apiCall.currency", "currency")
    .addSelect(units, "units")
    .addSelect(`SUM(${price} % ${PRICE_PART})`, "rest")
    .andWhere("apiCall.currency IS NOT NULL")
    .groupBy("apiCall.currency")
    .orderBy("apiCall.currency");
  if (key !== undefined) query.addSelect(key, "group_key").addGroupBy(key);
  const costs = new Map<string | undefined, readonly Cost[]>();
  for (const row of await query.getRawMany<RawRow>()) {
    costs.set(toKey(row), [...(costs.get(toKey(row)) ?? []), toCost(row)]);
  }
  return costs;
}

function toCost({ currency, units, rest }: RawRow): Cost {
  const nanoUnits = toBigInt(units) * BigInt(PRICE_PART) + toBigInt(rest);
  if (nanoUnits <= MAX_INT64) return { nanoUnits, currency: String(currency) };
  const message = `the total in ${currency} is too large for a 64-bit number: narrow the filter, or group by more`;
  throw new StateError("out_of_range", "TOTAL_TOO_LARGE", message);
}

function toGroup(row: RawRow, costs: readonly Cost[]): UsageGroup {
  const sum = (name: Summed) => toBigInt(row[`sum_${name}`]);
  const average = (name: Summed) => toAverage(sum(name), Number(row[`count_${name}`]));
  return {
    key: toKey(row),
    calls: {
      total: Number(row.total),
      success: Number(row.success),
      failed: Number(row.failed),
      timeout: Number(row.timeout),
      rate_limited: Number(row.rate_limited),
      cancelled: Number(row.cancelled),
    },
    promptTokens: sum("prompt_tokens"),
    completionTokens: sum("completion_tokens"),
    cachedTokens: sum("cached_tokens"),
    reasoningTokens: sum("reasoning_tokens"),
    costs,
    averagePromptTokens: average("prompt_tokens"),
    averageCompletionTokens: average("completion_tokens"),
    averageLatencyMs: average("latency_ms"),
    averageTimeToFirstTokenMs: average("time_to_first_token_ms"),
  };
}

/** Divided here, the average is the same number on every database. */
function toAverage(sum: bigint, count: number): number | undefined {
  return count === 0 ? undefined : Number(sum) / count;
}

/** Keys are bytes where text has no binary comparison. */
function toKey({ group_key: key }: RawRow): string | undefined {
  return key === null || key === undefined ? undefined : String(key);
}

/** Some drivers give sums as text, some of it with a fraction of zeros; that of nothing is null. */
function toBigInt(sum: unknown): bigint {
  return BigInt(String(sum ?? 0).replace(/\.0+$/, ""));
}

function measure({ key, costs }: UsageGroup): number {
  return GROUP_OVERHEAD_BYTES + Buffer.byteLength(key ?? "") + costs.length * COST_BYTES;
}
