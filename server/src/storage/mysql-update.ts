import type { ColumnKinds, RowsStatement, UpdatedColumn } from "./dialect.js";

/** Makes the statements of MySQL and MariaDB that update rows by their id, which is the first column. */
export function updateManyInMysql(
  kinds: ColumnKinds,
  table: string,
  columns: readonly UpdatedColumn[],
): RowsStatement {
  const definitions = columns.map(([name, kind], index) => {
    // Of a time in JSON, they do not understand the Z.
    const type = kind === "time" ? "CHAR(24)" : kinds[kind].sql;
    return `${name} ${type} PATH '$[${index}]'`;
  });
  const [, ...written] = columns;
  const values = written.map(([name, kind]) => {
    const value = kind === "time" ? `TRIM(TRAILING 'Z' FROM changed.${name})` : `changed.${name}`;
    return `${table}.${name} = ${value}`;
  });
  // In this order and by the key, whatever the optimizer makes of it: it would lock rows that
  // it only reads, and wait for those that others have locked.
  const sql = `UPDATE JSON_TABLE(?, '$[*]' COLUMNS (${definitions.join(", ")})) AS changed STRAIGHT_JOIN ${table} FORCE INDEX (PRIMARY) ON ${table}.id = changed.id SET ${values.join(", ")}`;
  return (rows) => [sql, [JSON.stringify(rows)]];
}
