import type { SelectQueryBuilder } from "typeorm";
import type { ApiCall } from "../domain/api-call.js";
import type { Page, PageBounds } from "../domain/storage.js";
import type { ApiCallFilter } from "../domain/usage-storage.js";
import type { ApiCallRow } from "./api-call-entity.js";
import { fromCallRow } from "./api-call-rows.js";
import { takePage } from "./bounded-page.js";
import type { Connection } from "./database.js";

/** What a call takes on the wire beside its texts, at most, in bytes. */
const CALL_OVERHEAD_BYTES = 400;

/** Which calls of a tenant, and after which one. */
export interface ApiCallListing extends ApiCallFilter {
  readonly tenantId: string;
  readonly after: Pick<ApiCall, "createdAt" | "id"> | undefined;
}

/** Lists calls by (`createdAt`, `id`) descending. They are small: more than fit are read. */
export async function listCalls(
  connection: Connection,
  { after, ...selection }: ApiCallListing,
  bounds: PageBounds,
): Promise<Page<ApiCall>> {
  const query = selectCalls(connection, selection)
    .orderBy("apiCall.createdAt", "DESC")
    .addOrderBy("apiCall.id", "DESC")
    .limit(bounds.maxItems + 1);
  if (after) {
    // The first condition, which the second implies, is what an index can be entered by.
    query.andWhere("apiCall.createdAt <= :at AND (apiCall.createdAt < :at OR apiCall.id < :id)", {
      at: after.createdAt,
      id: after.id,
    });
  }
  return takePage((await query.getMany()).map(fromCallRow), bounds, measure);
}

/** Selects a tenant's calls, in no order. */
export function selectCalls(
  { manager, entities }: Connection,
  { tenantId, from, through, ...filter }: ApiCallFilter & { readonly tenantId: string },
): SelectQueryBuilder<ApiCallRow> {
  const query = manager
    .createQueryBuilder(entities.apiCall, "apiCall")
    .where("apiCall.tenantId = :tenantId", { tenantId });
  if (from) query.andWhere("apiCall.createdAt >= :from", { from });
  if (through) query.andWhere("apiCall.createdAt <= :through", { through });
  for (const column of ["sessionId", "userId", "agentId", "model", "status"] as const) {
    const value = filter[column];
    if (value !== undefined) query.andWhere(`apiCall.${column} = :${column}`, { [column]: value });
  }
  return query;
}

function measure({ model, error }: ApiCall): number {
  return CALL_OVERHEAD_BYTES + Buffer.byteLength(model) + Buffer.byteLength(error);
}
