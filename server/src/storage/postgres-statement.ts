/** A statement of PostgreSQL that is prepared once a connection. */
export interface PostgresStatement {
  /** Under which it is prepared. */
  readonly name: string;
  readonly text: string;
}

const statements = new Map<string, PostgresStatement>();

/** Gives a statement with `?` for each parameter PostgreSQL's placeholders, and a name. */
export function postgresStatement(sql: string): PostgresStatement {
  const known = statements.get(sql);
  if (known !== undefined) return known;
  let parameter = 0;
  const text = sql.replaceAll("?", () => `$${++parameter}`);
  const statement = { name: `mofa_state_${statements.size}`, text };
  statements.set(sql, statement);
  return statement;
}
