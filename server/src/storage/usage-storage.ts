import type { ApiCall, NewApiCall } from "../domain/api-call.js";
import type { Page, PageBounds } from "../domain/storage.js";
import type {
  ApiCallFilter,
  UsageGroup,
  UsageQuery,
  UsageStorage,
} from "../domain/usage-storage.js";
import { listCalls } from "./api-call-list.js";
import { findCalls, insertCalls } from "./api-call-rows.js";
import type { Connection, Database } from "./database.js";
import { LessThan, LessThanOrEqual } from "./typeorm.js";
import { totalUsage } from "./usage-totals.js";

/** About how many calls one transaction purges, so that it holds nobody up for long. */
const PURGED_AT_ONCE = 2_000;

/** Keeps calls to models in a database. */
export class TypeOrmUsageStorage implements UsageStorage {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  async record(tenantId: string, call: NewApiCall): Promise<ApiCall> {
    const work = (connection: Connection) => findOrInsert(connection, tenantId, call);
    try {
      return await this.#database.transaction(work);
    } catch (error) {
      if (!this.#database.isUniqueViolation(error)) throw error;
      // Another call has taken the id at the same moment: now it is found.
      return this.#database.transaction(work);
    }
  }

  list(
    tenantId: string,
    filter: ApiCallFilter,
    after: Pick<ApiCall, "createdAt" | "id"> | undefined,
    bounds: PageBounds,
  ): Promise<Page<ApiCall>> {
    const listing = { ...filter, tenantId, after };
    return this.#database.read((connection) => listCalls(connection, listing, bounds));
  }

  total(tenantId: string, query: UsageQuery, bounds: PageBounds): Promise<Page<UsageGroup>> {
    const { dialect } = this.#database;
    return this.#database.snapshot((connection) =>
      totalUsage(connection, dialect, { ...query, tenantId }, bounds),
    );
  }

  async purge(tenantId: string, before: Date): Promise<number> {
    for (let purged = 0; ; ) {
      const { count, isLast } = await this.#database.transaction((connection) =>
        purgeSome(connection, tenantId, before),
      );
      purged += count;
      if (isLast) return purged;
    }
  }
}

/** Deletes the oldest calls before a time, and tells how many they were and whether no more were there. */
async function purgeSome(
  { manager, entities }: Connection,
  tenantId: string,
  before: Date,
): Promise<{ readonly count: number; readonly isLast: boolean }> {
  const [last] = await manager.find(entities.apiCall, {
    select: { tenantId: true, id: true, createdAt: true },
    where: { tenantId, createdAt: LessThan(before) },
    order: { createdAt: "ASC" },
    skip: PURGED_AT_ONCE - 1,
    take: 1,
  });
  const createdAt = last === undefined ? LessThan(before) : LessThanOrEqual(last.createdAt);
  const { affected } = await manager.delete(entities.apiCall, { tenantId, createdAt });
  return { count: affected ?? 0, isLast: last === undefined };
}

async function findOrInsert(
  connection: Connection,
  tenantId: string,
  call: NewApiCall,
): Promise<ApiCall> {
  const [found] = await findCalls(connection, tenantId, [call]);
  const [recorded] = found ? [found] : await insertCalls(connection, tenantId, [call]);
  if (recorded === undefined) throw new Error("an insertion gave back no call for the one it got");
  return recorded;
}
