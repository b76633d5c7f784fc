import {
  existsSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const server = fileURLToPath(new URL("../server", import.meta.url));
const bin = join(server, "bin");

// Of a driver, only what a database needs is loaded, or it is compiled code.
const NOT_BUNDLED = ["better-sqlite3", "mysql2", "pg"];

/** What changes whenever the modules do: what the compiler leaves, and the dependencies. */
const SOURCES = [
  "../server/tsconfig.tsbuildinfo",
  "../client/tsconfig.tsbuildinfo",
  "../package-lock.json",
  "bundle.mjs",
];

/**
 * Puts the command `mofa-state` and the modules that it loads into few files, in `server/bin`:
 * Node takes longer to find and read some 750 modules than for all else that a start does.
 *
 * Does nothing if they are as new as what they are made of.
 */
if (!isFresh()) await bundle();

function isFresh() {
  const file = join(bin, "mofa-state.js");
  if (!existsSync(file)) return false;
  const madeAt = statSync(file).mtimeMs;
  return SOURCES.every((path) => statSync(new URL(path, import.meta.url)).mtimeMs <= madeAt);
}

async function bundle() {
  const { rolldown } = await import("rolldown");
  const bundled = await rolldown({
    input: {
      "mofa-state": join(server, "dist/main.js"),
      // A process of its own, which is found beside the module that starts it.
      worker: join(server, "dist/workers/worker.js"),
    },
    platform: "node",
    external: NOT_BUNDLED,
    // TypeORM asks for the drivers of other databases, if they are there.
    onLog: (level, log, report) => log.code === "UNRESOLVED_IMPORT" || report(level, log),
  });
  // Beside, so that what starts meanwhile finds the old files until the new ones are complete.
  const directory = `${bin}-${process.pid}`;
  const { output } = await bundled.write({ dir: directory, format: "esm" });
  await bundled.close();
  writeFileSync(join(directory, "THIRD-PARTY-LICENSES"), licenses(output));
  rmSync(bin, { recursive: true, force: true });
  renameSync(directory, bin);
}

/** The licenses of the packages that the files hold parts of. */
function licenses(output) {
  const modules = output.flatMap(({ moduleIds = [] }) => moduleIds);
  const packages = new Set(modules.filter((id) => id.includes("node_modules")).map(packageOf));
  return [...packages].sort().map(licenseOf).join("\n");
}

/** The directory of the package that a module belongs to. */
function packageOf(module) {
  let directory = dirname(module);
  while (!isPackage(directory)) directory = dirname(directory);
  return directory;
}

/** Whether a package begins here; some have files below that only say how modules are read. */
function isPackage(directory) {
  const file = join(directory, "package.json");
  return existsSync(file) && JSON.parse(readFileSync(file, "utf8")).version !== undefined;
}

function licenseOf(directory) {
  const { name, version, license } = JSON.parse(readFileSync(join(directory, "package.json")));
  const files = readdirSync(directory).filter((file) => /^(licen[cs]e|notice)/i.test(file));
  const texts = files.map((file) => readFileSync(join(directory, file), "utf8"));
  return [`${name} ${version} (${license})`, ...texts].join("\n\n");
}
