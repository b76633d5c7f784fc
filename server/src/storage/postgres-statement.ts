import { remembered } from "./remembered.js";

/** A statement of PostgreSQL that is prepared once a connection. */
export interface PostgresStatement {
  /** Under which it is prepared. */
  readonly name: string;
  readonly text: string;
}

let count = 0;

/** Gives a statement with `?` for each parameter PostgreSQL's placeholders, and a name. */
export const postgresStatement = remembered((sql: string): PostgresStatement => {
  let parameter = 0;
  const text = sql.replaceAll("?", () => `$${++parameter}`);
  return { name: `mofa_state_${count++}`, text };
});
