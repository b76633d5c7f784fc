import { parseArgs } from "node:util";
import { chosenKinds, type DatabaseKind } from "../support/database-kinds.js";
import type { BenchCase } from "./bench-case.js";
import { CASES } from "./cases.js";
import type { Effort } from "./rounds.js";

/** What a run of the benchmark does. */
export interface BenchOptions {
  readonly backends: readonly DatabaseKind[];
  readonly cases: readonly BenchCase[];
  readonly effort: Effort;
  /** Whether the figures are lines of JSON rather than a table. */
  readonly json: boolean;
}

/** How the benchmark is called. */
export const USAGE = `usage: npm run bench -- [--case NAME]... [--rounds N] [--full] [--json]

  --case NAME  only this case; may be repeated (${CASES.map(({ name }) => name).join(", ")})
  --rounds N   how often each case is measured: 3, or 5 with --full
  --full       all cases on all backends, and longer rounds
  --json       a line of JSON for each figure
  --help       this text

DATABASES chooses the backends: sqlite,postgres,mariadb, and with --full or where it says
so memory, which is SQLite without its file

It exits with 0 if all was measured, whether or not targets were met: the lines tell, and a
busy machine misses some. It exits with 1 if something could not be measured, and with 2 if
its arguments are wrong.`;

const QUICK_BACKENDS: readonly DatabaseKind[] = ["sqlite", "postgres", "mariadb"];

// With these, they take some three minutes on two busy cores.
const QUICK: Effort = { rounds: 3, roundMs: 200, warmUpMs: 100 };
const FULL: Effort = { rounds: 5, roundMs: 2_000, warmUpMs: 1_000 };

/**
 * Reads the arguments of the benchmark; undefined where they ask for its usage.
 *
 * @throws Error if they are wrong.
 */
export function readOptions(args: readonly string[]): BenchOptions | undefined {
  const { values } = parseArgs({
    args: [...args],
    options: {
      case: { type: "string", multiple: true },
      rounds: { type: "string" },
      full: { type: "boolean", default: false },
      json: { type: "boolean", default: false },
      help: { type: "boolean", default: false },
    },
  });
  if (values.help) return undefined;
  const effort = values.full ? FULL : QUICK;
  return {
    backends: values.full ? chosenKinds() : chosenKinds(QUICK_BACKENDS),
    cases: values.case ? values.case.map(caseOf) : defaultCases(values.full),
    effort: { ...effort, rounds: values.rounds ? toRounds(values.rounds) : effort.rounds },
    json: values.json,
  };
}

function defaultCases(full: boolean): readonly BenchCase[] {
  if (full) return CASES;
  return CASES.filter(({ onlyInFull }) => !onlyInFull).map((benchCase) => {
    const { backends, backendsByDefault = backends } = benchCase;
    return { ...benchCase, ...(backendsByDefault && { backends: backendsByDefault }) };
  });
}

function caseOf(name: string): BenchCase {
  const found = CASES.find((benchCase) => benchCase.name === name);
  if (found === undefined) throw new Error(`there is no case "${name}"`);
  return found;
}

function toRounds(text: string): number {
  const rounds = Number(text);
  if (!Number.isInteger(rounds) || rounds < 1) throw new Error("--rounds takes a number from 1");
  return rounds;
}
