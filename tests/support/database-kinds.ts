/** A kind of database that the suites can run on. */
export type DatabaseKind = "memory" | "sqlite" | "postgres" | "mariadb" | "mysql";

/** The kinds that run on a server. */
export type ServerKind = Exclude<DatabaseKind, "memory" | "sqlite">;

const DEFAULT_KINDS: readonly DatabaseKind[] = ["memory", "sqlite", "postgres", "mariadb"];

const KINDS: readonly DatabaseKind[] = [...DEFAULT_KINDS, "mysql"];

/**
 * Gives the kinds that `DATABASES` chooses, such as `memory,sqlite`; where it says nothing,
 * those by default, which are all but MySQL.
 *
 * @throws Error if it names none or an unknown one.
 */
export function chosenKinds(byDefault = DEFAULT_KINDS): readonly DatabaseKind[] {
  const names = (process.env.DATABASES ?? "").split(",").map((name) => name.trim());
  const given = names.filter((name) => name !== "");
  if (given.length === 0) return byDefault;
  const unknown = given.find((name) => !isKind(name));
  if (unknown !== undefined) {
    throw new Error(`DATABASES names "${unknown}", which is not one of ${KINDS.join(", ")}`);
  }
  return KINDS.filter((kind) => given.includes(kind));
}

/** Gives the kinds that run by default and were not chosen. */
export function leftOutKinds(): readonly DatabaseKind[] {
  const chosen = chosenKinds();
  return DEFAULT_KINDS.filter((kind) => !chosen.includes(kind));
}

/** Tells whether a kind of database runs on a server. */
export function isServerKind(kind: DatabaseKind): kind is ServerKind {
  return kind !== "memory" && kind !== "sqlite";
}

function isKind(name: string): name is DatabaseKind {
  return KINDS.some((kind) => kind === name);
}
