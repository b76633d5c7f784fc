import type { Session } from "../domain/model.js";
import type { Page, PageBounds, SessionFilter } from "../domain/storage.js";
import { takePage } from "./bounded-page.js";
import type { Connection, Database } from "./database.js";
import type { Dialect } from "./dialect.js";
import type { SessionRow } from "./entities.js";
import { hashEntries } from "./metadata-index.js";
import { paddedLists, placeholdersOf } from "./padded-list.js";
import { fromSessionRow } from "./session-row.js";
import { Table } from "./table.js";

/** What a session takes on the wire beside its title and metadata, at most, in bytes. */
const SESSION_OVERHEAD_BYTES = 600;

/**
 * Where no more sessions than this have an entry of metadata, they are looked at themselves.
 * Where more do, a walk through all sessions in their order soon finds a page of them.
 */
const FEW = 512;

/** Which sessions to list, and after which one. */
export interface SessionListing extends SessionFilter {
  readonly tenantId: string;
  readonly after: { readonly updatedAt: Date; readonly id: string } | undefined;
}

/** What a session is put in order by, and how large it is. */
type SizeRow = Pick<SessionRow, "id" | "bytes" | "updatedAt">;

/** Conditions in SQL, and their parameters. */
interface Selection {
  readonly where: string;
  readonly parameters: readonly unknown[];
}

/** Lists the sessions of tenants. */
export class SessionList {
  readonly #table: Table<SessionRow>;
  readonly #dialect: Dialect;

  constructor(database: Database) {
    this.#table = new Table(database.describe(database.entities.session));
    this.#dialect = database.dialect;
  }

  /**
   * Lists sessions by (`updatedAt`, `id`) descending: first how large they are, then those
   * that fit. Both must see the same snapshot.
   */
  async read(
    connection: Connection,
    listing: SessionListing,
    bounds: PageBounds,
  ): Promise<Page<Session>> {
    const few = await findFew(connection, hashEntries(listing.metadata ?? {}));
    const limit = bounds.maxItems + 1;
    const sizes =
      few === undefined
        ? await this.#walk(connection, listing, limit)
        : await this.#pick(connection, listing, few);
    const measure = ({ bytes }: SizeRow) => bytes + SESSION_OVERHEAD_BYTES;
    const { items, hasMore } = takePage(sizes.slice(0, limit), bounds, measure);
    const rows = await this.#fetch(
      connection,
      items.map(({ id }) => id),
    );
    return { items: rows.map(fromSessionRow), hasMore };
  }

  /** Finds the next sessions in their order. */
  async #walk(
    connection: Connection,
    listing: SessionListing,
    limit: number,
  ): Promise<readonly SizeRow[]> {
    const { where, parameters } = this.#select(listing);
    const sessions = this.#dialect.readBy("sessions", indexFor(listing));
    const sql = `SELECT id, bytes, updated_at FROM ${sessions} WHERE ${where}
      ORDER BY updated_at DESC, id DESC LIMIT ?`;
    return this.#table.toRows(await connection.query(sql, [...parameters, limit]));
  }

  /** Finds which of some sessions are to be listed, in their order. */
  async #pick(
    connection: Connection,
    listing: SessionListing,
    ids: readonly string[],
  ): Promise<readonly SizeRow[]> {
    const { where, parameters } = this.#select(listing);
    const found: SizeRow[] = [];
    for (const list of paddedLists(ids)) {
      // With a limit, no database looks at the other conditions first.
      const given = `SELECT * FROM sessions WHERE id IN (${placeholdersOf(list)}) LIMIT ${list.length}`;
      const sql = `SELECT id, bytes, updated_at FROM (${given}) sessions WHERE ${where}`;
      const result = await connection.query(sql, [...list, ...parameters]);
      found.push(...this.#table.toRows<keyof SizeRow>(result));
    }
    return found.sort(newestFirst);
  }

  async #fetch(connection: Connection, ids: readonly string[]): Promise<readonly SessionRow[]> {
    const rows: SessionRow[] = [];
    for (const list of paddedLists(ids)) {
      const sql = `SELECT ${this.#table.columns} FROM sessions WHERE id IN (${placeholdersOf(list)})`;
      rows.push(...this.#table.toRows(await connection.query(sql, list)));
    }
    return rows.sort(newestFirst);
  }

  #select(listing: SessionListing): Selection {
    const { tenantId, userId, agentId, forkSessionId, updatedAfter, updatedBefore } = listing;
    const time = (date: Date | undefined) => date && this.#table.toParameter("updatedAt", date);
    const at = time(listing.after?.updatedAt);
    const conditions: readonly (readonly [sql: string, ...parameters: unknown[]])[] = [
      ["tenant_id = ?", tenantId],
      ["user_id = ?", userId],
      ["agent_id = ?", agentId],
      ["fork_session_id = ?", forkSessionId],
      ["updated_at >= ?", time(updatedAfter)],
      ["updated_at < ?", time(updatedBefore)],
      // The first condition, which the second implies, is what an index can be entered by.
      ["updated_at <= ? AND (updated_at < ? OR id < ?)", at, at, listing.after?.id],
      ...hashEntries(listing.metadata ?? {}).map((entry) => [HAS_ENTRY, entry] as const),
    ];
    const given = conditions.filter(([, parameter]) => parameter !== undefined);
    return {
      where: ["deleted_at IS NULL", ...given.map(([sql]) => sql)].join(" AND "),
      parameters: given.flatMap(([, ...parameters]) => parameters),
    };
  }
}

const HAS_ENTRY =
  "EXISTS (SELECT 1 FROM session_metadata m WHERE m.session_id = sessions.id AND m.entry_hash = ?)";

/** Gives all sessions that have one of the entries, where they are few; else undefined. */
async function findFew(
  { query }: Connection,
  entries: readonly Buffer[],
): Promise<readonly string[] | undefined> {
  for (const entry of entries) {
    const sql = "SELECT session_id FROM session_metadata WHERE entry_hash = ? LIMIT ?";
    const { rows } = await query(sql, [entry, FEW + 1]);
    if (rows.length <= FEW) return rows.map(({ session_id }) => String(session_id));
  }
  return undefined;
}

/** The index that has the sessions in their order, and as few others as may be. */
function indexFor({ userId, agentId, forkSessionId }: SessionListing): string {
  if (forkSessionId !== undefined) return "sessions_by_fork";
  if (userId !== undefined) return "sessions_by_user";
  if (agentId !== undefined) return "sessions_by_agent";
  return "sessions_by_activity";
}

function newestFirst(one: SizeRow, other: SizeRow): number {
  const later = other.updatedAt.getTime() - one.updatedAt.getTime();
  return later || (one.id < other.id ? 1 : -1);
}
