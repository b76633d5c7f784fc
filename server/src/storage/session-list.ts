import type { SelectQueryBuilder } from "typeorm";
import type { Session } from "../domain/model.js";
import type { Page, PageBounds, SessionFilter } from "../domain/storage.js";
import { takePage } from "./bounded-page.js";
import type { Connection } from "./database.js";
import type { SessionRow } from "./entities.js";
import { hashEntries } from "./metadata-index.js";
import { fromSessionRow } from "./session-row.js";

/** What a session takes on the wire beside its title and metadata, at most, in bytes. */
const SESSION_OVERHEAD_BYTES = 600;

/** Which sessions to list, and after which one. */
export interface SessionListing extends SessionFilter {
  readonly tenantId: string;
  readonly after: { readonly updatedAt: Date; readonly id: string } | undefined;
}

/**
 * Lists sessions by (`updatedAt`, `id`) descending: first how large they are, then those
 * that fit. Both must see the same snapshot.
 */
export async function listSessions(
  connection: Connection,
  listing: SessionListing,
  bounds: PageBounds,
): Promise<Page<Session>> {
  const sizes = await select(connection, listing)
    .select(["session.id", "session.bytes"])
    .limit(bounds.maxItems + 1)
    .getMany();
  const { items, hasMore } = takePage(sizes, bounds, ({ bytes }) => bytes + SESSION_OVERHEAD_BYTES);
  if (items.length === 0) return { items: [], hasMore };
  const rows = await select(connection, listing)
    .andWhere("session.id IN (:...ids)", { ids: items.map(({ id }) => id) })
    .getMany();
  return { items: rows.map(fromSessionRow), hasMore };
}

function select(
  { manager, entities }: Connection,
  listing: SessionListing,
): SelectQueryBuilder<SessionRow> {
  const { tenantId, userId, agentId, forkSessionId, updatedAfter, updatedBefore, after } = listing;
  const query = manager
    .createQueryBuilder(entities.session, "session")
    .where("session.tenantId = :tenantId AND session.deletedAt IS NULL", { tenantId })
    .orderBy("session.updatedAt", "DESC")
    .addOrderBy("session.id", "DESC");
  if (userId !== undefined) query.andWhere("session.userId = :userId", { userId });
  if (agentId !== undefined) query.andWhere("session.agentId = :agentId", { agentId });
  if (forkSessionId !== undefined) {
    query.andWhere("session.forkSessionId = :forkSessionId", { forkSessionId });
  }
  if (updatedAfter) query.andWhere("session.updatedAt >= :updatedAfter", { updatedAfter });
  if (updatedBefore) query.andWhere("session.updatedAt < :updatedBefore", { updatedBefore });
  if (after) {
    // The first condition, which the second implies, is what an index can be entered by.
    query.andWhere("session.updatedAt <= :at AND (session.updatedAt < :at OR session.id < :id)", {
      at: after.updatedAt,
      id: after.id,
    });
  }
  for (const [index, entry] of hashEntries(listing.metadata ?? {}).entries()) {
    query.andWhere(
      `EXISTS (SELECT 1 FROM session_metadata m WHERE m.session_id = session.id AND m.entry_hash = :entry${index})`,
      { [`entry${index}`]: entry },
    );
  }
  return query;
}
