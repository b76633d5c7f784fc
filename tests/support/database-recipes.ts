import type { ServerRecipe } from "./database-server.js";
import { mariadbRecipe } from "./mariadb-recipe.js";
import { postgresRecipe } from "./postgres-recipe.js";

/** The kinds of database server that the tests can start for themselves. */
export type PrivateServerKind = "postgres" | "mariadb";

/** How each of them is run. */
export const DATABASE_RECIPES: Readonly<Record<PrivateServerKind, ServerRecipe>> = {
  postgres: postgresRecipe,
  mariadb: mariadbRecipe,
};
