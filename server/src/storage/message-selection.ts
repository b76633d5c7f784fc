import type { MessageRange } from "../domain/storage.js";

/** A range, and which of its messages, in SQL. */
export interface Selection extends MessageRange {
  readonly table?: string;
  readonly condition?: string;
  /** The parameters of the condition. */
  readonly conditionParameters?: readonly unknown[];
}

/** So many messages of a selection, with tombstones if it says so. */
export interface LimitedSelection extends Selection {
  readonly limit: number;
  readonly withDeleted?: boolean;
}

/** Gives the statement that selects columns of some messages, and its parameters. */
export function toSelect(
  sessionId: string,
  selection: LimitedSelection,
  columns: string,
): { readonly sql: string; readonly parameters: readonly unknown[] } {
  const { order, limit, roles = [], table = "messages" } = selection;
  const { condition, conditionParameters = [] } = selection;
  const which = selection.withDeleted ? "" : "AND deleted_at IS NULL";
  const byRole = roles.length === 0 ? "" : `AND role IN (${roles.map(() => "?").join(", ")})`;
  const byCondition = condition === undefined ? "" : `AND ${condition}`;
  const direction = order === "ascending" ? "ASC" : "DESC";
  const sql = `SELECT ${columns} FROM ${table} WHERE session_id = ? AND sequence > ? AND sequence <= ? ${which} ${byRole} ${byCondition} ORDER BY sequence ${direction} LIMIT ?`;
  const { afterSequence, upToSequence } = selection;
  const range = [sessionId, afterSequence, upToSequence];
  return { sql, parameters: [...range, ...roles, ...conditionParameters, limit] };
}

/** The part of a range that ends with a sequence, in the range's order. */
export function upTo(range: Selection, last: number): Selection {
  return range.order === "ascending"
    ? { ...range, upToSequence: last }
    : { ...range, afterSequence: last - 1 };
}

/** The part of a range that begins after a sequence, in the range's order. */
export function after(range: Selection, last: number): Selection {
  return range.order === "ascending"
    ? { ...range, afterSequence: last }
    : { ...range, upToSequence: last - 1 };
}
