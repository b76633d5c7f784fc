import type { StoredCounts } from "../domain/storage.js";
import type { Connection } from "./database.js";
import { IsNull, Not } from "./typeorm.js";

/** Counts what is stored, in all tenants. Messages are counted by their sessions' own counts. */
export async function countStored({ manager, entities }: Connection): Promise<StoredCounts> {
  const where = { deletedAt: IsNull() };
  return {
    sessions: await manager.countBy(entities.session, where),
    messages: Number((await manager.sum(entities.session, "messageCount", where)) ?? 0),
    agentStates: await manager.countBy(entities.agentState, [
      { state: Not(IsNull()) },
      { data: Not(IsNull()) },
    ]),
  };
}
