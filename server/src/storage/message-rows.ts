import type { MessageRange, PageBounds } from "../domain/storage.js";
import { takePage } from "./bounded-page.js";
import type { Connection, Database } from "./database.js";
import type { KeptMessages, RowsStatement, RowValues, Statement } from "./dialect.js";
import type { MessageRow } from "./entities.js";
import { type LayerMessage, LiveMessageRows } from "./live-message-rows.js";
import {
  after,
  type LimitedSelection,
  type Selection,
  toSelect,
  upTo,
} from "./message-selection.js";
import { paddedLists, placeholdersOf } from "./padded-list.js";
import { Table } from "./table.js";

/** The most bytes that one statement inserts, so that it fits a database's packets. */
const MAX_INSERT_BYTES = 4 * 1024 * 1024;

/** The rows of a range that fit a page, and whether more follow. */
export interface MessageRowPage {
  readonly rows: readonly LayerMessage[];
  readonly hasMore: boolean;
}

/** Which of the messages that are kept. */
export type KeptRange = Pick<MessageRange, "afterSequence" | "upToSequence">;

/** The bounds of a page, and the most that a message of the session weighs. */
export interface SizedBounds extends PageBounds {
  readonly largestBytes: number;
}

/** What is known of a message before it is read. */
export type MessageKeyRow = Pick<MessageRow, "sequence" | "bytes" | "deletedAt">;

/** Where a message lies. */
type MessagePlace = Pick<MessageRow, "sessionId" | "sequence">;

/** Reads and inserts the rows of messages with prepared statements. */
export class MessageRows {
  readonly #table: Table<MessageRow>;
  readonly #live: LiveMessageRows;
  readonly #rowsPerInsert: number;
  readonly #insertMany: RowsStatement | undefined;
  readonly #kept: KeptMessages;

  constructor(database: Database) {
    const { entities, dialect } = database;
    this.#table = new Table(database.describe(entities.message));
    this.#live = new LiveMessageRows(dialect.rawRows);
    this.#kept = dialect.kept;
    this.#rowsPerInsert = dialect.rowsPerInsert;
    this.#insertMany = dialect.insertMany?.(this.#table.name, this.#table.types);
  }

  /** Inserts rows. */
  async insert(connection: Connection, rows: readonly MessageRow[]): Promise<void> {
    for (const statement of this.toInserts(rows)) await connection.query(...statement);
  }

  /** Gives the statements that insert rows, as few as it takes. */
  toInserts(rows: readonly MessageRow[]): readonly Statement[] {
    const statements: Statement[] = [];
    for (let at = 0; at < rows.length; ) {
      const chunk = rows.slice(at, at + fittingSize(rows, at, this.#rowsPerInsert));
      statements.push(this.#toInsert(chunk));
      at += chunk.length;
    }
    return statements;
  }

  /** Gives the columns of a row, for a statement of the dialect's. */
  toValues(row: MessageRow): RowValues {
    return this.#table.toValues(row);
  }

  #toInsert(rows: readonly MessageRow[]): Statement {
    if (this.#insertMany === undefined || rows.length === 1) return this.#table.toInsert(rows);
    return this.#insertMany(rows.map((row) => this.#table.toValues(row)));
  }

  /** Reads which messages of a range there are, tombstones included. */
  readKeys(
    connection: Connection,
    sessionId: string,
    range: MessageRange,
    limit: number,
  ): Promise<readonly MessageKeyRow[]> {
    const selection = { ...range, limit, withDeleted: true };
    return this.#selectSome(connection, sessionId, selection, "sequence, bytes, deleted_at");
  }

  /** Reads the rows of some messages, in no order; tombstones are left out. */
  async readAt(
    connection: Connection,
    sessionId: string,
    sequences: readonly number[],
  ): Promise<readonly LayerMessage[]> {
    const [first, last] = [Math.min(...sequences), Math.max(...sequences)];
    if (last - first + 1 === sequences.length) {
      const range = { afterSequence: first - 1, upToSequence: last, order: "ascending" } as const;
      return this.#select(connection, sessionId, { ...range, limit: sequences.length });
    }
    const rows: LayerMessage[] = [];
    for (const list of paddedLists(sequences)) {
      const sql = `SELECT ${this.#live.columns} FROM messages WHERE session_id = ? AND sequence IN (${placeholdersOf(list)}) AND deleted_at IS NULL`;
      rows.push(...(await this.#live.read(connection, sessionId, [sql, [sessionId, ...list]])));
    }
    return rows;
  }

  /** Tells which of some messages several sessions have, tombstones included, in no order. */
  async findPlaces(
    connection: Connection,
    sessionIds: readonly string[],
    sequences: readonly number[],
  ): Promise<readonly MessagePlace[]> {
    const found: MessagePlace[] = [];
    for (const ids of paddedLists(sessionIds)) {
      for (const list of paddedLists(sequences)) {
        const sql = `SELECT session_id, sequence FROM messages WHERE session_id IN (${placeholdersOf(ids)}) AND sequence IN (${placeholdersOf(list)})`;
        const result = await connection.query(sql, [...ids, ...list]);
        found.push(...this.#table.toRows<keyof MessagePlace>(result));
      }
    }
    return found;
  }

  /** Tells which of several sessions have messages of a range that are kept. */
  async findKeeping(
    { query }: Connection,
    sessionIds: readonly string[],
    { afterSequence, upToSequence }: KeptRange,
  ): Promise<ReadonlySet<string>> {
    const { table, conditions } = this.#kept;
    const found = new Set<string>();
    for (const ids of paddedLists(sessionIds)) {
      for (const condition of conditions) {
        const sql = `SELECT DISTINCT session_id FROM ${table} WHERE session_id IN (${placeholdersOf(ids)}) AND sequence > ? AND sequence <= ? AND deleted_at IS NULL AND ${condition}`;
        const { rows } = await query(sql, [...ids, afterSequence, upToSequence]);
        for (const { session_id } of rows) found.add(String(session_id));
      }
    }
    return found;
  }

  /**
   * Reads the rows of a range that fit the bounds; tombstones are left out.
   *
   * Where so many of the largest message would be too much, the sizes are read first.
   */
  async read(
    connection: Connection,
    sessionId: string,
    range: Selection,
    bounds: SizedBounds,
  ): Promise<MessageRowPage> {
    if (bounds.largestBytes <= largestFitting(bounds)) {
      const limit = bounds.maxItems + 1;
      return toRowPage(await this.#select(connection, sessionId, { ...range, limit }), bounds);
    }
    return this.#readSized(connection, sessionId, range, bounds);
  }

  /** Reads the rows of a range that are kept and fit the bounds, in ascending order. */
  async readKept(
    connection: Connection,
    sessionId: string,
    range: KeptRange,
    bounds: SizedBounds,
  ): Promise<MessageRowPage> {
    const { table, conditions } = this.#kept;
    const pages: MessageRowPage[] = [];
    for (const condition of conditions) {
      const selection = { ...range, order: "ascending", table, condition } as const;
      pages.push(await this.read(connection, sessionId, selection, bounds));
    }
    return mergePages(pages, bounds);
  }

  async #readSized(
    connection: Connection,
    sessionId: string,
    range: Selection,
    bounds: PageBounds,
  ): Promise<MessageRowPage> {
    for (let rest = range; ; ) {
      const selection = { ...rest, limit: bounds.maxItems + 1 };
      const sizes = await this.#selectSome<"sequence" | "bytes">(
        connection,
        sessionId,
        selection,
        "sequence, bytes",
      );
      const { items, hasMore } = takePage(sizes, bounds, ({ bytes }) => bytes);
      const last = items.at(-1)?.sequence;
      if (last === undefined) return { rows: [], hasMore };
      const fitting = { ...upTo(rest, last), limit: items.length };
      const rows = await this.#select(connection, sessionId, fitting);
      // Where all that was measured has been deleted since, what follows it is still to come.
      if (rows.length > 0 || !hasMore) return { rows, hasMore };
      rest = after(rest, last);
    }
  }

  /** Counts the messages of a range; tombstones are left out. */
  async count(
    { query }: Connection,
    sessionId: string,
    { afterSequence, upToSequence }: Pick<MessageRange, "afterSequence" | "upToSequence">,
  ): Promise<number> {
    const sql =
      "SELECT COUNT(*) AS count FROM messages WHERE session_id = ? AND sequence > ? AND sequence <= ? AND deleted_at IS NULL";
    const { rows } = await query(sql, [sessionId, afterSequence, upToSequence]);
    return Number(rows[0]?.count);
  }

  /** Gives the sequence of the newest message but `count`, up to a sequence; 0 if there is none. */
  async sequenceBeforeLast(
    connection: Connection,
    sessionId: string,
    { count, upToSequence }: { readonly count: number; readonly upToSequence: number },
  ): Promise<number> {
    // Without the range, PostgreSQL reads and sorts the whole session as long as it has no
    // statistics of the table: it then expects few messages that are not deleted.
    const sql =
      "SELECT sequence FROM messages WHERE session_id = ? AND sequence BETWEEN 1 AND ? AND deleted_at IS NULL ORDER BY sequence DESC LIMIT 1 OFFSET ?";
    const result = await connection.query(sql, [sessionId, upToSequence, count]);
    const [row] = this.#table.toRows<"sequence">(result);
    return row?.sequence ?? 0;
  }

  #select(
    connection: Connection,
    sessionId: string,
    selection: LimitedSelection,
  ): Promise<readonly LayerMessage[]> {
    const { sql, parameters } = toSelect(sessionId, selection, this.#live.columns);
    return this.#live.read(connection, sessionId, [sql, parameters]);
  }

  async #selectSome<Column extends keyof MessageRow>(
    connection: Connection,
    sessionId: string,
    selection: LimitedSelection,
    columns: string,
  ): Promise<readonly Pick<MessageRow, Column>[]> {
    const { sql, parameters } = toSelect(sessionId, selection, columns);
    return this.#table.toRows<Column>(await connection.query(sql, parameters));
  }
}

/** Gives a page of rows of which one more was asked for than it may have. */
export function toRowPage(rows: readonly LayerMessage[], { maxItems }: PageBounds): MessageRowPage {
  return { rows: rows.slice(0, maxItems), hasMore: rows.length > maxItems };
}

/** How large a message may be of which a page may have as many as it may have messages, and one more. */
export function largestFitting({ maxItems, maxBytes }: PageBounds): number {
  return Math.floor(maxBytes / (maxItems + 1));
}

/** Gives one page of what several have, in ascending order. */
function mergePages(pages: readonly MessageRowPage[], bounds: PageBounds): MessageRowPage {
  // What follows a page that is full is not known: nothing after its end may be given.
  const ends = pages.map(({ rows, hasMore }) =>
    hasMore ? (rows.at(-1)?.sequence ?? 0) : Number.POSITIVE_INFINITY,
  );
  const end = Math.min(...ends);
  const known = pages.flatMap(({ rows }) => rows.filter(({ sequence }) => sequence <= end));
  known.sort((one, other) => one.sequence - other.sequence);
  const { items, hasMore } = takePage(known, bounds, ({ bytes }) => bytes);
  return { rows: items, hasMore: hasMore || pages.some((page) => page.hasMore) };
}

/** How many rows one statement may insert: one at least. */
function fittingSize(rows: readonly MessageRow[], from: number, most: number): number {
  let bytes = 0;
  let end = from;
  for (; end < rows.length && end - from < most; end++) {
    bytes += rows[end]?.bytes ?? 0;
    if (bytes > MAX_INSERT_BYTES && end > from) break;
  }
  return end - from;
}
