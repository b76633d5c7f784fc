import type { SelectQueryBuilder } from "typeorm";
import type { AgentState } from "../domain/model.js";
import type { Page, PageBounds, StatePosition } from "../domain/storage.js";
import { fromStateRow } from "./agent-state-rows.js";
import { takePage } from "./bounded-page.js";
import type { Connection } from "./database.js";
import type { AgentStateRow } from "./entities.js";

/** Which states to list, and after which one. */
export interface StateListing {
  readonly sessionId: string;
  readonly key: string | undefined;
  readonly after: StatePosition | undefined;
}

/**
 * Lists states by (`revision`, `key`, `version`) descending: first how large they are,
 * then those that fit. Both must see the same snapshot.
 */
export async function listStates(
  connection: Connection,
  listing: StateListing,
  bounds: PageBounds,
): Promise<Page<AgentState>> {
  const sizes = await select(connection, listing)
    .select(["state.sessionId", "state.stateKey", "state.version", "state.bytes"])
    .limit(bounds.maxItems + 1)
    .getMany();
  const { items, hasMore } = takePage(sizes, bounds, ({ bytes }) => bytes);
  const rows = await select(connection, listing).limit(items.length).getMany();
  return { items: items.length === 0 ? [] : rows.map(fromStateRow), hasMore };
}

function select(
  { manager, entities }: Connection,
  { sessionId, key, after }: StateListing,
): SelectQueryBuilder<AgentStateRow> {
  const query = manager
    .createQueryBuilder(entities.agentState, "state")
    .where("state.sessionId = :sessionId AND (state.state IS NOT NULL OR state.data IS NOT NULL)", {
      sessionId,
    })
    .orderBy("state.revision", "DESC")
    .addOrderBy("state.stateKey", "DESC")
    .addOrderBy("state.version", "DESC");
  if (key !== undefined) query.andWhere("state.stateKey = :key", { key });
  if (after !== undefined) {
    // The first condition, which the second implies, is what an index can be entered by.
    query.andWhere(
      `state.revision <= :revision AND (state.revision < :revision OR
        state.stateKey < :afterKey OR (state.stateKey = :afterKey AND state.version < :version))`,
      { revision: after.revision, afterKey: after.key, version: after.version },
    );
  }
  return query;
}
