import { UsageError } from "../domain/usage-error.js";
import type { Dialect } from "./dialect.js";
import { mysql } from "./mysql-dialect.js";
import { postgres } from "./postgres-dialect.js";
import { memory, sqlite } from "./sqlite-dialect.js";

const DIALECTS: readonly (readonly [RegExp, Dialect])[] = [
  [/^memory:$/, memory],
  [/^sqlite:\/\//, sqlite],
  [/^postgres(ql)?:\/\//, postgres],
  [/^(mysql|mariadb):\/\//, mysql],
];

/**
 * Gives the dialect of a database URL.
 *
 * @throws UsageError if there is no database of that kind.
 */
export function dialectOf(url: string): Dialect {
  const found = DIALECTS.find(([pattern]) => pattern.test(url));
  if (found !== undefined) return found[1];
  const scheme = /^[a-z][a-z0-9+.-]*:/i.exec(url)?.[0] ?? JSON.stringify(url.slice(0, 20));
  throw new UsageError(
    `the database URL starts with ${scheme} and must be memory:, sqlite://FILE, postgres://USER:PASSWORD@HOST/DATABASE, mysql://… or mariadb://…`,
  );
}
